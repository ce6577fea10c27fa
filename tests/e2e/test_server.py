"""The real server: /chat in its three forms, bad input, overload, disconnects, draining."""
import concurrent.futures
import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
import requests

from conftest import BINARY, MODELS, SMOLLM, events

HELLO = [{"role": "user", "content": "Say hello."}]
STORY = {"messages": [{"role": "user", "content": "Tell me a long story."}], "stream": True, "max_tokens": 4000,
         "ignore_eos": True}


def curl(*arguments):
    result = subprocess.run(["curl", "-sS", "--max-time", "60", *arguments], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def test_chat_by_curl_in_three_forms(server):
    first = curl("-H", "Content-Type: application/json", "-d", '{"prompt": "My name is Ada.", "max_tokens": 30}',
                 server.url + "/chat")
    assert first["reply"].strip() and first["turn"] == 1
    conversation = first["conversation_id"]
    second = curl("-d", "prompt=What+is+my+name%3F", "-d", "max_tokens=30", "-d", f"conversation_id={conversation}",
                  server.url + "/chat")
    assert second["reply"].strip() and second["turn"] == 2
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]
    third = curl("-X", "POST", f"{server.url}/chat?prompt=Goodbye&max_tokens=10&conversation_id={conversation}")
    assert third["turn"] == 3
    form = curl("-F", "prompt=Hello", "-F", "max_tokens=5", server.url + "/chat")
    assert form["turn"] == 1 and form["conversation_id"] != conversation


BAD_BODIES = {
    "empty": b"",
    "not JSON": b"hello",
    "half": b'{"messages": [{"role": "user", "content": "x"}',
    "trailing": b'{"messages": [{"role": "user", "content": "x"}]} x',
    "a list": b"[]",
    "a string": b'"x"',
    "null": b"null",
    "nested": b"[" * 200_000,
    "nested objects": b'{"a":' * 100_000,
    "nested content": b'{"messages":' + b"[" * 100 + b"]" * 100 + b"}",
    "invalid UTF-8": b'{"messages": [{"role": "user", "content": "\xff\xfe"}]}',
    "surrogate": b'{"messages": [{"role": "user", "content": "\\ud800"}]}',
    "twice": b'{"messages": [{"role": "user", "content": "x"}], "n": 1, "n": 2}',
    "no messages": b"{}",
    "no message": b'{"messages": []}',
    "messages as text": b'{"messages": "x"}',
    "content as number": b'{"messages": [{"role": "user", "content": 1}]}',
    "role unknown": b'{"messages": [{"role": "wizard", "content": "x"}]}',
    "huge number": b'{"messages": [{"role": "user", "content": "x"}], "temperature": 1e999}',
    "max_tokens text": b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": "many"}',
    "NaN": b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
    "nul byte": b'{"messages"\x00: []}',
    "many values": b'{"messages": [' + b"0," * 1_100_000 + b"0]}",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies(server, name):
    response = requests.post(server.url + "/v1/chat/completions", data=BAD_BODIES[name], timeout=60,
                             headers={"Content-Type": "application/json"})
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["message"] and error["type"] == "invalid_request_error" and set(error) == {"message", "type", "param", "code"}
    assert server.get("/health").status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/chat", "/tokenize"])
def test_ten_megabytes(server, path):
    response = requests.post(server.url + path, data=b'{"prompt": "' + b"x" * 10_000_000 + b'"}', timeout=60)
    assert response.status_code == 413 and response.json()["error"]["message"]
    assert server.get("/health").status_code == 200


def test_prompts_over_the_context(server):
    long = "word " * 9000
    for path, body, param in (
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": long}]}, "messages"),
        ("/v1/completions", {"prompt": long}, "prompt"),
        ("/v1/completions", {"prompt": "x", "max_tokens": 100_000}, "prompt"),
        ("/chat", {"prompt": long}, "prompt"),
        ("/v1/embeddings", {"input": long}, "input"),
    ):
        response = server.post(path, body)
        error = response.json()["error"]
        assert response.status_code == 400 and error["code"] == "context_length_exceeded" and error["param"] == param
        numbers = [int(number) for number in re.findall(r"\d+", error["message"])]
        assert 8192 in numbers and any(number > 8192 for number in numbers), error


@pytest.mark.parametrize("parameter, value", [
    ("temperature", "hot"), ("temperature", 5), ("top_p", 0), ("top_k", -5), ("min_p", 2), ("typical_p", 0),
    ("repeat_penalty", 0), ("presence_penalty", 9), ("frequency_penalty", "x"), ("logit_bias", {"a": 1}),
    ("logit_bias", {"99999999": 1}), ("seed", "x"), ("n", 0), ("n", 1000), ("stop", [1]), ("max_tokens", -1),
    ("stream", 1), ("stream_options", {"include_usage": True}), ("logprobs", "yes"), ("top_logprobs", 3),
    ("response_format", "json"), ("tool_choice", "required"), ("functions", []), ("audio", {}),
    ("modalities", ["audio"]), ("prediction", {}), ("reasoning_effort", "high"), ("web_search_options", {}),
    ("store", True), ("service_tier", "flex"), ("max_token", 5), ("foo", 1),
])
def test_every_parameter_is_checked(server, parameter, value):
    response = server.post("/v1/chat/completions", {"messages": HELLO, parameter: value})
    assert response.status_code == 400, response.text
    assert response.json()["error"]["param"] == parameter and parameter in response.json()["error"]["message"]


def test_near_names(server):
    assert "'max_tokens'" in server.post("/v1/chat/completions", {"messages": HELLO, "max_token": 5}).text


def test_methods_and_paths(server):
    for method, path, status in (("GET", "/v1/chat/completions", 405), ("PUT", "/chat", 405), ("DELETE", "/v1/models", 405),
                                 ("GET", "/nothing", 404), ("POST", "/v1/chat/completion", 404), ("BREW", "/health", 501),
                                 ("OPTIONS", "/v1/completions", 204), ("HEAD", "/health", 200), ("HEAD", "/v1/models", 200)):
        response = requests.request(method, server.url + path, timeout=10)
        assert response.status_code == status, (method, path, response.text)
        if status in (405, 204):
            assert response.headers["Allow"]
        if status in (404, 405):
            assert response.json()["error"]["message"]
        if method == "HEAD":
            assert response.content == b""
    assert "/v1/chat/completions" in server.post("/v1/chat/completion", {}).json()["error"]["message"]


def test_request_ids(server):
    assert server.get("/health", headers={"X-Request-Id": "mine-7"}).headers["X-Request-Id"] == "mine-7"
    assert server.get("/health").headers["X-Request-Id"].startswith("req-")


def test_other_web_pages_are_refused(server):
    body = {"prompt": "hi", "max_tokens": 2}
    assert server.post("/chat", body, headers={"Origin": "http://evil.example"}).status_code == 403
    assert server.post("/chat", body, headers={"Host": "evil.example"}).status_code == 403
    assert server.post("/chat", body, headers={"Origin": server.url}).status_code == 200


def test_the_same_seed_gives_the_same_answer_in_company(server):
    body = {"messages": HELLO, "seed": 42, "temperature": 1.0, "max_tokens": 24}
    alone = server.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        others = [pool.submit(server.post, "/v1/chat/completions", body | {"seed": seed}) for seed in range(5)]
        again = server.post("/v1/chat/completions", body).json()["choices"][0]["message"]["content"]
        assert all(other.result().status_code == 200 for other in others)
    assert again == alone


def test_a_hundred_clients_disconnect_in_mid_stream(start):
    # Without the prefix cache's blocks in the count, nothing may be left.
    server = start("--ctx", 2048, "--max-queue", 200)
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps(STORY | {"max_tokens": 1500}).encode()
    head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    sockets = []
    for _ in range(100):
        connection = socket.create_connection((host, int(port)))
        connection.sendall(head + body)
        sockets.append(connection)
    for index, connection in enumerate(sockets):
        connection.settimeout(60)
        if index < 30:
            assert connection.recv(64).startswith(b"HTTP/1.1 200")
        if index % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # a reset, not an end
        connection.close()
    server.wait_idle(60)
    assert server.metric("bowhead_requests_running") == 0 and server.metric("bowhead_requests_waiting") == 0
    deadline = time.monotonic() + 10
    while server.metric("bowhead_kv_blocks_used") > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert server.metric("bowhead_kv_blocks_used") == 0
    assert server.post("/v1/chat/completions", {"messages": HELLO, "max_tokens": 5}).status_code == 200


def test_a_full_queue_is_a_429(start):
    server = start("--ctx", 1024, "--max-running", 1, "--max-queue", 1)
    stop = threading.Event()

    def hold():
        with requests.post(server.url + "/v1/chat/completions", json=STORY | {"max_tokens": 900}, stream=True,
                           timeout=120) as response:
            for _ in response.iter_lines():
                if stop.is_set():
                    return

    holders = [threading.Thread(target=hold) for _ in range(2)]
    for holder in holders:
        holder.start()
        time.sleep(0.5)
    response = server.post("/v1/chat/completions", {"messages": HELLO, "max_tokens": 5})
    assert response.status_code == 429 and int(response.headers["Retry-After"]) >= 1
    assert response.json()["error"]["type"] == "rate_limit_error"
    stop.set()
    for holder in holders:
        holder.join()
    server.wait_idle()
    assert server.post("/v1/chat/completions", {"messages": HELLO, "max_tokens": 5}).status_code == 200


def test_sigterm_lets_running_answers_end(start):
    server = start("--ctx", 2048, "--drain-timeout", 120)
    body = {"messages": HELLO, "stream": True, "max_tokens": 80, "ignore_eos": True, "seed": 3}
    with requests.post(server.url + "/v1/chat/completions", json=body, stream=True, timeout=120) as response:
        lines = response.iter_lines()  # one iterator: when it goes away, requests closes the connection
        assert next(lines).startswith(b"data: ")
        server.terminate()
        rest = events(lines)
    assert rest[-1]["choices"][0]["finish_reason"] == "length"
    assert server.process.wait(30) == 0


def test_a_second_signal_cuts(start):
    server = start("--ctx", 4096)
    with requests.post(server.url + "/v1/chat/completions", json=STORY | {"max_tokens": 3000}, stream=True,
                       timeout=120) as response:
        lines = response.iter_lines()
        next(lines)
        began = time.monotonic()
        server.terminate()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) != 0
        assert time.monotonic() - began < 10


def test_the_drain_timeout_ends_what_still_runs(start):
    server = start("--ctx", 4096, "--drain-timeout", "1")
    with requests.post(server.url + "/v1/chat/completions", json=STORY | {"max_tokens": 3000}, stream=True,
                       timeout=120) as response:
        lines = response.iter_lines()
        next(lines)
        began = time.monotonic()
        server.terminate()
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 15


def test_health_answers_while_the_model_loads(start):
    server = start(wait=False)
    assert server.get("/health").status_code == 200
    ready = server.get("/ready")
    if ready.status_code == 503:  # it may already be done
        assert ready.json()["status"] == "loading" and 0 <= ready.json()["progress"] <= 1
        early = server.post("/chat", {"prompt": "hi", "max_tokens": 2})
        assert early.status_code in (200, 503)
    server.wait_ready()
    assert server.post("/chat", {"prompt": "hi", "max_tokens": 2}).status_code == 200


def serve(*flags, seconds=30):
    return subprocess.run([BINARY, "serve", *map(str, flags)], capture_output=True, text=True, timeout=seconds, check=False)


def test_a_port_in_use(server):
    result = serve(SMOLLM, "--port", server.url.rsplit(":", 1)[1])
    assert result.returncode == 3 and "in use" in result.stderr


def test_other_addresses_need_keys():
    result = serve(SMOLLM, "--host", "0.0.0.0", "--port", 0)
    assert result.returncode == 2 and "--api-key-file" in result.stderr


def test_keys(start, tmp_path):
    (tmp_path / "keys").write_text("a-long-enough-secret-key alice\n")
    (tmp_path / "keys").chmod(0o600)
    server = start("--api-key-file", tmp_path / "keys", "--host", "0.0.0.0", "--ctx", 1024)
    assert server.get("/v1/models").status_code == 401
    assert server.get("/v1/models").json()["error"]["code"] == "invalid_api_key"
    assert server.get("/health").status_code == 200
    headers = {"Authorization": "Bearer a-long-enough-secret-key"}
    assert server.get("/v1/models", headers=headers).status_code == 200
    assert server.post("/chat", {"prompt": "hi", "max_tokens": 2}, headers=headers).status_code == 200


@pytest.mark.parametrize("flags, code, word", [
    (["/nowhere/model.gguf"], 1, "nowhere"),
    ([], 2, "model"),
    (["x", "--port", "99999"], 2, "port"),
    (["x", "--bogus"], 2, "bogus"),
    ([str(SMOLLM), "--isa", "mmx"], 1, "mmx"),
    ([str(SMOLLM), "--ctx", "999999"], 1, "8192"),
    ([str(SMOLLM), "--chat-template", "nonsense"], 1, "nonsense"),
    ([str(SMOLLM), "--api-key-file", "/nowhere/keys"], 2, "keys"),
])
def test_mistakes_of_the_command_line(flags, code, word):
    result = serve(*flags, *([] if "--port" in flags or not flags else ["--port", "0"]))
    assert result.returncode == code and word in result.stderr, result.stderr


def test_a_file_without_a_chat_template_gets_one_and_a_warning(start):
    server = start("--ctx", 1024, model=MODELS / "gemma-3-270m.Q4_K_M.gguf")
    assert any("level=warning" in line and "no chat template" in line and "gemma" in line for line in server.log)
    answer = server.post("/chat", {"prompt": "The capital of France is", "max_tokens": 8}).json()
    assert answer["usage"]["completion_tokens"] <= 8 and answer["reply"] is not None
    card = server.get("/v1/models").json()["data"][0]
    assert card["bowhead"]["architecture"] == "gemma3" and card["bowhead"]["chat_template"] == "gemma"


def test_a_template_of_ones_own(start, tmp_path):
    template = tmp_path / "mine.jinja"
    template.write_text("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>")
    server = start("--ctx", 1024, "--chat-template", template)
    short = server.post("/v1/chat/completions", {"messages": HELLO, "max_tokens": 1}).json()["usage"]["prompt_tokens"]
    plain = server.post("/tokenize", {"content": "<user>Say hello.<assistant>"}).json()["count"]
    assert short == plain
    broken = tmp_path / "broken.jinja"
    broken.write_text("{% for m in messages %}\n{% frobnicate %}{% endfor %}")
    result = serve(SMOLLM, "--port", 0, "--chat-template", broken)
    assert result.returncode == 1 and "line 2" in result.stderr and "frobnicate" in result.stderr


def test_damaged_files(tmp_path):
    for name, content in (("empty.gguf", b""), ("text.gguf", b"hello, I am no model"), ("half.gguf", None)):
        path = tmp_path / name
        path.write_bytes(SMOLLM.read_bytes()[:5_000_000] if content is None else content)
        result = serve(path, "--port", 0)
        assert result.returncode == 1 and result.stderr.strip(), name
