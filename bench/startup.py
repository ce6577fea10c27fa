#!/usr/bin/env python3
"""Time from starting a server to its first token, and its peak memory, of Bowhead and llama-server in turns.

    bench/startup.py MODEL [--rounds 5] [--threads 2] [--context 2048] [--out FILE]

The model file is in the page cache. The clock starts before the process does and stops at the first streamed event of
a completion, asked for every millisecond until the server takes it. Peak memory is VmHWM after that token. Bowhead's
first start, which packs the weights and keeps them, is reported apart from the later ones. Prints JSON.
"""
import argparse
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
PROMPT = "The sky is"
RETRY_S, LIMIT_S = 0.001, 300


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_token(port, process):
    """Asks until the server takes a request, and returns when its first event is there."""
    body = json.dumps({"model": "default", "prompt": PROMPT, "max_tokens": 1, "temperature": 0, "stream": True})
    end = time.perf_counter() + LIMIT_S
    while time.perf_counter() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
        with contextlib.suppress(ConnectionError, http.client.BadStatusLine), contextlib.closing(connection):
            connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            if response.status == 200:
                while line := response.readline():
                    if line.startswith(b"data: {"):
                        return
                raise RuntimeError("the answer ended without a token")
            if response.status != 503:
                raise RuntimeError(f"the server answered {response.status}: {response.read(300)!r}")
        time.sleep(RETRY_S)
    raise RuntimeError(f"no token after {LIMIT_S} s")


def status_bytes(pid, key):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def start_once(command):
    """(seconds from start to first token, peak resident bytes, of them from files) of one run of a server."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        begin = time.perf_counter()
        process = subprocess.Popen([str(part).replace("PORT", str(port)) for part in command], stdout=log, stderr=log)
        try:
            first_token(port, process)
            seconds = time.perf_counter() - begin
            return seconds, status_bytes(process.pid, "VmHWM"), status_bytes(process.pid, "RssFile")
        except RuntimeError as error:
            log.seek(0)
            sys.exit(f"{command[0]}: {error}\n{log.read()[-2000:].decode(errors='replace')}")
        finally:
            process.kill()
            process.wait()


def commands(a, cache):
    """The sides: a name and a command each. llama-server once as people start it and once without its warm-up run."""
    theirs = [a.llama, "-m", a.model, "--port", "PORT", "-t", a.threads, "-c", a.context, "--no-webui"]
    sides = {"bowhead": [a.bowhead, "serve", a.model, "--port", "PORT", "--threads", a.threads, "--ctx", a.context,
                         "--packed-cache", cache]}
    if a.llama.is_file():
        sides["llama-server"] = theirs
        sides["llama-server --no-warmup"] = [*theirs, "--no-warmup"]
    return sides


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--bowhead", type=Path, default=ROOT / "build" / "release" / "bowhead")
    parser.add_argument("--llama", type=Path, default=CACHE / "build" / "llama.cpp" / "bin" / "llama-server")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    if not a.model.is_file():
        sys.exit(f"{a.model} is missing")
    file_bytes = a.model.stat().st_size
    subprocess.run(["cat", a.model], stdout=subprocess.DEVNULL, check=True)  # into the page cache
    runs = {}
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as cache:
        sides = commands(a, cache)
        first = start_once(sides["bowhead"])
        for _ in range(a.rounds):
            for name, command in sides.items():
                runs.setdefault(name, []).append(start_once(command))
    result = {"model": a.model.name, "file_bytes": file_bytes, "threads": a.threads, "context": a.context,
              "first_start": {"first_token_ms": round(first[0] * 1e3, 2), "peak_rss_over_file": round(first[1] / file_bytes, 3)},
              "sides": {}}
    for name, values in runs.items():
        seconds, peaks, files = zip(*values)
        result["sides"][name] = {
            "first_token_ms": [round(s * 1e3, 2) for s in seconds],
            "first_token_ms_median": round(statistics.median(seconds) * 1e3, 2),
            "peak_rss_bytes": max(peaks),
            "peak_rss_over_file": round(max(peaks) / file_bytes, 3),
            "rss_file_bytes": max(files),
        }
    ours = result["sides"]["bowhead"]["first_token_ms_median"]
    theirs = [side["first_token_ms_median"] for name, side in result["sides"].items() if name != "bowhead"]
    if theirs:
        result["ratio"] = round(ours / min(theirs), 3)
    text = json.dumps(result, indent=1)
    print(text)
    if a.out:
        a.out.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
