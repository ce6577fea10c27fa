"""Where things are, and how programs are run."""
import contextlib
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
BUILD = ROOT / "build" / "release"
WORK = ROOT / "build" / "bench"


class BenchError(Exception):
    """A measurement that could not be made; its text says why."""


class BenchTimeout(BenchError):
    """A program that took longer than it may."""


def output_of(*command, timeout=900, env=None):
    """What a program prints. It must end well and in time."""
    line = " ".join(map(str, command))
    try:
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False, timeout=timeout,
                              env=os.environ | (env or {}))
    except FileNotFoundError:
        raise BenchError(f"{command[0]} is missing: `make bench` builds it") from None
    except subprocess.TimeoutExpired:
        raise BenchTimeout(f"{line} took more than {timeout} seconds") from None
    if done.returncode:
        raise BenchError(f"{line} failed ({done.returncode}): {done.stderr[-1000:].strip()}")
    return done.stdout


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(command, ready_path, patience=180):
    """Starts a server on a free port (PORT in the command), waits until it is ready, and ends it afterwards."""
    port = free_port()
    log = WORK / f"{Path(command[0]).name}.log"
    with open(log, "w") as out:
        process = subprocess.Popen([str(part).replace("PORT", str(port)) for part in command], stdout=out, stderr=out)
    try:
        deadline = time.monotonic() + patience
        while True:
            if process.poll() is not None:
                raise BenchError(f"{command[0]} ended with {process.returncode}; see {log}")
            with contextlib.suppress(OSError, urllib.error.URLError):
                if urllib.request.urlopen(f"http://127.0.0.1:{port}{ready_path}", timeout=2).status == 200:
                    break
            if time.monotonic() > deadline:
                raise BenchError(f"{command[0]} was not ready after {patience} seconds; see {log}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
