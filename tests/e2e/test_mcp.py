"""Tools of real MCP servers (the official package) and of hostile ones, called by a real model over the real binary."""
import json
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from conftest import BINARY, SMOLLM, Server

SUPPORT = Path(__file__).parent / "mcp_support"
REAL = f"{sys.executable} {SUPPORT / 'real_server.py'}"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen in time")


@pytest.fixture(scope="module")
def calls(tmp_path_factory):
    path = tmp_path_factory.mktemp("mcp") / "calls"
    path.touch()
    return path


def calls_in(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def server(calls, tmp_path_factory):
    """Bowhead with the real server twice (HTTP and stdio) and with one hostile server of each kind."""
    port = free_port()
    web = subprocess.Popen([*shlex.split(REAL), "http", str(port)], env={**os.environ, "CALLS": str(calls)},
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    odd = ["dies", "floods", "endless", "wrong", "lies", "injects"]
    config = tmp_path_factory.mktemp("mcp") / "mcp.json"
    config.write_text(json.dumps({"mcpServers": {
        "local": {"command": sys.executable, "args": [str(SUPPORT / "real_server.py"), "stdio"],
                  "env": {"CALLS": str(calls)}, "consent": "always", "tools": {"fail": "never"}},
        **{kind: {"command": sys.executable, "args": [str(SUPPORT / "odd_server.py"), kind], "consent": "always"}
           for kind in odd},
    }}))
    bowhead = Server("--mcp-config", config, "--mcp", f"web=http://127.0.0.1:{port}/mcp", "--mcp-allow", "web/*",
                     "--mcp-timeout", "2")
    try:
        wait_for(lambda: sum("an MCP server is connected" in line for line in bowhead.log) == 2 + len(odd))
        yield bowhead
    finally:
        bowhead.stop()
        web.terminate()
        web.wait()


def ask(server, label, tool, **more):
    """The model is made to call the tool; then it says what it wants."""
    answer = server.post("/v1/chat/completions", {
        "messages": [{"role": "user", "content": "How is the weather in Oslo for 3 days?"}],
        "tools": [{"type": "mcp", "server_label": label}], "temperature": 0, "max_tokens": 150, "parallel_tool_calls": False,
        "tool_choice": {"type": "function", "function": {"name": f"{label}__{tool}"}}, **more})
    if answer.status_code == 400 and answer.json()["error"]["param"] in ("tool_choice", "parallel_tool_calls", "tools"):
        pytest.skip("a model this small calls only where it is forced to, which the server cannot do yet")
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcome(server, label):
    """How calls to a server ended, from the metrics."""
    prefix = f'bowhead_mcp_calls_total{{server="{label}",outcome="'
    lines = [line for line in server.get("/metrics").text.splitlines() if line.startswith(prefix)]
    return {line[len(prefix):].split('"')[0] for line in lines}


@pytest.mark.parametrize("label", ["web", "local"])
def test_a_real_call_of_a_real_tool(server, calls, label):
    before = len(calls_in(calls))
    answer = ask(server, label, "forecast")
    made = calls_in(calls)[before:]
    assert made and made[0]["tool"] == "forecast" and made[0]["city"] in ("Oslo", "Bergen")
    assert answer["choices"][0]["finish_reason"] in ("stop", "length")
    assert not answer["choices"][0]["message"].get("tool_calls")
    assert "OK" in outcome(server, label)


def test_the_newest_revision_is_spoken(server):
    connected = [line for line in server.log if "an MCP server is connected" in line]
    assert all("revision=2026-07-28" in line for line in connected if "server=web" in line or "server=local" in line)
    assert all("revision=2025-06-18" in line for line in connected if "server=dies" in line)


@pytest.mark.parametrize("label,tool,expected", [
    ("web", "fail", "TOOL_ERROR"), ("web", "hang", "DEADLINE_EXCEEDED"), ("local", "hang", "DEADLINE_EXCEEDED"),
    ("web", "flood", "RESOURCE_EXHAUSTED"), ("local", "flood", "RESOURCE_EXHAUSTED"),
    ("dies", "go", "UNAVAILABLE"), ("floods", "go", "RESOURCE_EXHAUSTED"), ("endless", "go", "RESOURCE_EXHAUSTED"),
    ("wrong", "go", "DEADLINE_EXCEEDED"), ("lies", "go", "DATA_LOSS"), ("injects", "go", "OK"),
])
def test_every_failure_ends_in_time_and_the_model_goes_on(server, label, tool, expected):
    begin = time.monotonic()
    answer = ask(server, label, tool)
    assert time.monotonic() - begin < 60
    assert answer["choices"][0]["finish_reason"] in ("stop", "length")
    assert expected in outcome(server, label)
    assert server.get("/health").status_code == 200


def test_a_server_that_died_comes_back(server):
    ask(server, "dies", "go")
    wait_for(lambda: server.post("/v1/chat/completions", {
        "messages": [{"role": "user", "content": "x"}], "max_tokens": 1,
        "tools": [{"type": "mcp", "server_label": "dies"}]}).status_code == 200)


def test_consent(server):
    def refusal(**tool):
        answer = server.post("/v1/chat/completions", {"messages": [{"role": "user", "content": "x"}], "max_tokens": 1,
                                                      "tools": [{"type": "mcp", **tool}]})
        return answer.status_code, answer.json()["error"]["param"]
    assert refusal(server_label="local", allowed_tools=["fail"]) == (400, "tools[0]")  # never
    assert refusal(server_label="nobody") == (400, "tools[0].server_label")
    assert refusal(server_label="web", server_url="http://127.0.0.1:1/") == (400, "tools[0].server_url")


@pytest.mark.parametrize("flags,said", [
    (["--mcp", "x"], "neither"), (["--mcp", "a=http://h", "--mcp", "a=http://i"], "called 'a'"),
    (["--mcp", "a=http://h", "--mcp-allow", "b/x"], "no MCP server 'b'"), (["--mcp-config", "/nowhere"], "/nowhere"),
])
def test_wrong_flags(flags, said):
    done = subprocess.run([BINARY, "serve", str(SMOLLM), "--port", "0", *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and said in done.stderr


def test_programs_end_with_the_server(calls, tmp_path):
    pid = tmp_path / "pid"
    command = f"stdio:sh -c 'echo $$ > {pid}; exec {REAL} stdio'"
    bowhead = Server("--mcp", "a=" + command, wait=False)
    wait_for(lambda: pid.exists() and pid.read_text().strip())
    bowhead.stop()
    wait_for(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists(), 10)
