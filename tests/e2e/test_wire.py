"""The wire fuzzer against the real server."""
import os

import pytest

from wire_fuzz import Fuzzer

FULL_SECONDS = int(os.environ.get("BOWHEAD_FULL_SECONDS", "3600"))


def abuse(start, seconds, seed):
    server = start("--ctx", 512, "--max-tokens-cap", 8)
    port = int(server.url.rsplit(":", 1)[1])
    fuzzer = Fuzzer("127.0.0.1", port, seed)
    assert fuzzer.run(seconds) > 20
    assert {200, 400} <= set(fuzzer.seen)
    assert server.process.poll() is None, "".join(server.log[-20:])
    server.wait_idle()


def test_the_wire_for_some_seconds(start):
    abuse(start, 15, seed=1)


@pytest.mark.full
def test_the_wire_for_an_hour(start):
    abuse(start, FULL_SECONDS, seed=os.getpid())
