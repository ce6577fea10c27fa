"""libbowhead as others get it: installed, found by CMake, used from C and C++, exporting what its header declares."""
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from conftest import BINARY, ROOT, SMOLLM

BUILD = Path(os.environ.get("BOWHEAD_BUILD") or ROOT / "build" / "release")
HEADER = ROOT / "include" / "bowhead" / "bowhead.h"


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A tree that `cmake --install` made."""
    folder = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", BUILD, "--prefix", folder, "--component", "library")
    return folder


@pytest.fixture(scope="module")
def programs(prefix, tmp_path_factory):
    """Programs that find the installed library by find_package."""
    folder = tmp_path_factory.mktemp("programs")
    run("cmake", "-S", ROOT / "tests" / "library", "-B", folder, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", folder)
    return folder


def library(prefix):
    return next(prefix.glob("lib/**/libbowhead.so.1")).resolve()


def declared():
    return set(re.findall(r"BOWHEAD_API [^(;]*?\b(bowhead_\w+)\(", HEADER.read_text()))


def test_exports_are_the_declared_functions(prefix):
    names = {line.split()[-1].split("@")[0] for line in run("nm", "-D", "--defined-only", library(prefix)).splitlines()}
    assert names - {"BOWHEAD_1"} == declared()
    listed = re.findall(r"^\s+(bowhead_\w+);", (ROOT / "src" / "capi" / "exports.map").read_text(), re.M)
    assert sorted(listed) == listed and set(listed) == declared()


def test_needs_the_c_library_only(prefix):
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", library(prefix))))
    assert needed <= {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"}


@pytest.mark.parametrize("compiler", [("gcc", "-std=c99"), ("g++", "-std=c++11")])
def test_header_is_clean(compiler, tmp_path):
    source = tmp_path / "only.c"
    source.write_text("#include <bowhead/bowhead.h>\n")
    run(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", ROOT / "include", source)


def test_c_program(programs):
    if not SMOLLM.exists():
        pytest.skip("the default model is not in the cache folder; tools/fetch.py gets it")
    lines = run(programs / "generate", SMOLLM).splitlines()
    cli = json.loads(run(BINARY, "generate", "-m", SMOLLM, "-p", "The capital of France is", "-n", 8, "--temp", 0, "--json",
                         "--stop", "\n"))
    assert lines == ["version:0.1.0", f"answer:{cli['text']}", f"tokens:{cli['completion_tokens']}",
                     f"stream:{cli['text']}", "cancelled:1",
                     "mistake:3 temperature", "mistake:3 prompt", "missing:5 1", "text:Hello world", "unit:1"]


def test_cpp_program_with_threads(programs):
    if not SMOLLM.exists():
        pytest.skip("the default model is not in the cache folder; tools/fetch.py gets it")
    assert run(programs / "batch", SMOLLM).split() == ["same:1", "many:150"]


def test_a_name_means_a_model_of_the_cache_folder(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "Other.Q8_0.gguf").write_bytes(b"GGUF")
    done = subprocess.run([BINARY, "generate", "-m", "Unknown", "-p", "x"], capture_output=True, text=True, check=False,
                          env=os.environ | {"BOWHEAD_CACHE": str(tmp_path)}, timeout=60)
    assert done.returncode == 1 and "which holds Other.Q8_0.gguf" in done.stderr
