"""One model in this process and the same one on a server, for every test that a `model` fixture runs twice.

These tests run where the wheel is installed, with nothing but pytest beside it; tools/run_tests.py makes such a place.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

import bowhead

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("BOWHEAD_BIN") or str(ROOT / "build" / "release" / "bowhead")
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
SMOLLM = CACHE / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"


@pytest.fixture(scope="session")
def local():
    if not SMOLLM.exists():
        pytest.skip(f"{SMOLLM.name} is not in the cache folder; tools/fetch.py gets it")
    with bowhead.load_model("SmolLM2-135M-Instruct", device="cpu") as model:
        yield model


@pytest.fixture(scope="session")
def url(local):
    process = subprocess.Popen([BINARY, "serve", str(SMOLLM), "--port", "0", "--log-level", "error"], stdout=subprocess.PIPE,
                               text=True)
    line = process.stdout.readline()
    yield re.search(r"http://\S+", line)[0]
    process.terminate()
    process.stdout.close()
    assert process.wait(60) == 0


@pytest.fixture(scope="session")
def remote(url):
    with bowhead.connect(url) as model:
        yield model


@pytest.fixture(params=["local", "remote"])
def model(request):
    return request.getfixturevalue(request.param)
