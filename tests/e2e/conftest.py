"""Fixtures that run the real binary: a server on a free port with the default model, shared by the whole run."""
import json
import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BOWHEAD_BIN") or str(ROOT / "build" / "release" / "bowhead")
MODELS = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead") / "models"
SMOLLM = MODELS / "SmolLM2-135M-Instruct.Q4_1.gguf"


def pytest_configure(config):
    config.addinivalue_line("markers", "full: takes minutes to hours; runs in `make test-full` only (BOWHEAD_FULL=1)")


def pytest_collection_modifyitems(config, items):
    if os.environ.get("BOWHEAD_FULL") != "1":
        full = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if item not in full]
        config.hook.pytest_deselected(items=full)


class Server:
    """A `bowhead serve` process. `wait` blocks until the model is ready."""

    def __init__(self, *flags, model=SMOLLM, wait=True):
        if not Path(model).exists():
            pytest.skip(f"{Path(model).name} is not in the cache folder; tools/fetch.py gets it")
        self.process = subprocess.Popen([BINARY, "serve", str(model), "--port", "0", *map(str, flags)],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.log = []
        self.listening = threading.Event()
        self.url = None
        threading.Thread(target=self._read_log, daemon=True).start()
        assert self.listening.wait(30), "".join(self.log)
        assert self.url, "".join(self.log)
        if wait:
            self.wait_ready()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"msg=listening url=(\S+)", line)
            if found:
                self.url = found.group(1)
                self.listening.set()
        self.listening.set()

    def wait_ready(self, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "".join(self.log)
            if requests.get(self.url + "/ready", timeout=10).status_code == 200:
                return
            time.sleep(0.1)
        raise AssertionError("not ready in time: " + "".join(self.log))

    def post(self, path, body=None, **options):
        return requests.post(self.url + path, json=body, timeout=options.pop("timeout", 120), **options)

    def get(self, path, **options):
        return requests.get(self.url + path, timeout=60, **options)

    def metric(self, name):
        """The sum over the series of a metric."""
        values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics").text, re.M)
        assert values, f"no metric {name}"
        return sum(map(float, values))

    def wait_idle(self, seconds=30):
        """Until no request runs and none waits."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.metric("bowhead_requests_running") == 0 and self.metric("bowhead_requests_waiting") == 0:
                return
            time.sleep(0.05)
        raise AssertionError("requests still run")

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.terminate()
            try:
                return self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode


@pytest.fixture(scope="session")
def server():
    running = Server("--alias", "smol")
    yield running
    assert running.process.poll() is None, "the server died: " + "".join(running.log[-20:])
    assert running.stop() == 0


@pytest.fixture
def start():
    """Starts servers with flags of the test's own and ends them after it."""
    servers = []

    def launch(*flags, **options):
        servers.append(Server(*flags, **options))
        return servers[-1]

    yield launch
    for each in servers:
        each.stop()


def events(lines):
    """The events of a streamed answer's lines (bytes) as objects; checks that [DONE] ends it."""
    result, done = [], False
    for line in lines:
        line = line.decode()
        if not line:
            continue
        assert line.startswith("data: "), line
        assert not done, "something after [DONE]"
        if line == "data: [DONE]":
            done = True
        else:
            result.append(json.loads(line[6:]))
    assert done
    return result
