"""bowhead generate and bowhead chat, as a person or a script uses them."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from conftest import BINARY, SMOLLM


def run(*arguments, text=None):
    return subprocess.run([BINARY, *map(str, arguments)], input=text, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(autouse=True)
def needs_model():
    if not SMOLLM.exists():
        pytest.skip("the default model is not in the cache folder; tools/fetch.py gets it")


def test_generate_continues_a_text():
    result = run("generate", "--model", SMOLLM, "--prompt", "The capital of France is", "-n", "8", "--temp", "0")
    assert result.returncode == 0 and result.stdout.startswith("The capital of France is") and "Paris" in result.stdout
    assert "tokens/s" in result.stderr


def test_generate_as_json_from_standard_input():
    result = run("generate", "-m", SMOLLM, "-p", "-", "-n", "8", "--seed", "1", "--json", text="Once upon a time")
    answer = json.loads(result.stdout)
    assert answer["completion_tokens"] <= 8 and answer["finish_reason"] in ("stop", "length") and answer["text"]
    again = json.loads(run("generate", "-m", SMOLLM, "-p", "Once upon a time", "-n", "8", "--seed", "1", "--json").stdout)
    assert again["text"] == answer["text"]


@pytest.mark.parametrize("flags, code", [(["-p", "x"], 2), (["-m", "/nowhere", "-p", "x"], 1), (["-m", SMOLLM, "-p", ""], 1),
                                         (["-m", SMOLLM, "-p", "x", "--temp", "9"], 2), (["-m", SMOLLM, "-p", "x", "-n", "99999"], 1)])
def test_generate_mistakes(flags, code):
    result = run("generate", *flags)
    assert result.returncode == code and result.stderr


def test_chat_over_a_pipe():
    text = "What is the capital of France? Answer in one word.\n/params temperature=0\n/bogus\n/save /dev/null\n/exit\nnever\n"
    result = run("chat", SMOLLM, "--temp", "0", "-n", "20", text=text)
    assert result.returncode == 0 and "Paris" in result.stdout
    assert "temperature=0" in result.stdout and "There is no /bogus" in result.stdout and "never" not in result.stdout


def test_chat_with_a_server(server, tmp_path):
    saved = tmp_path / "chat.json"
    text = f"/system You are terse.\nWhat is\\\n the capital of France?\n/save {saved}\n"
    result = run("chat", "--url", server.url, "--temp", "0", "-n", "20", text=text)
    assert result.returncode == 0, result.stderr
    messages = json.loads(saved.read_text())["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert messages[1]["content"] == "What is\n the capital of France?"
    assert messages[2]["content"].strip() and messages[2]["content"].strip() in result.stdout


def test_chat_without_a_server():
    result = run("chat", "--url", "http://127.0.0.1:9", text="hi\n")
    assert result.returncode == 3 and "bowhead serve" in result.stderr


def read_until(master, pattern, seconds=60):
    text, deadline = "", time.monotonic() + seconds
    while time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                text += os.read(master, 65536).decode(errors="replace")
            except OSError:
                break
        if re.search(pattern, text):
            return text
    raise AssertionError(f"{pattern!r} did not come: {text!r}")


def test_chat_in_a_terminal(server):
    pid, master = pty.fork()
    if pid == 0:
        os.execv(BINARY, [BINARY, "chat", "--url", server.url, "--temp", "0", "-n", "2000"])
    try:
        read_until(master, r"> ")
        os.write(master, b"/hlpx\x7f\x1b[D\x1b[De\r")  # typed wrong, put right with the cursor keys
        assert "Ctrl-C stops an answer" in read_until(master, r"/exit")
        os.write(master, b"\x1b[A")
        read_until(master, r"/help")  # from the history
        os.write(master, b"\x15Write a very long story about a whale.\r")
        read_until(master, r"(?s)whale.*\w+ \w+ \w+ \w+ \w+")
        os.kill(pid, signal.SIGINT)
        read_until(master, r"> ")
        os.write(master, b"\x04")
        assert os.waitpid(pid, 0)[1] == 0
        pid = None
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
