"""What others get wrong, over the real server: stops in streams, several choices, keys that repeat, compressed bodies, CORS."""
import gzip
import json
import threading

import pytest
import requests
import zstandard

from conftest import events

TELL = [{"role": "user", "content": "Count from one to ten in words, with commas."}]


def streamed(server, path, body):
    response = server.post(path, body | {"stream": True})
    assert response.status_code == 200, response.text
    return events(response.content.split(b"\n"))


@pytest.mark.parametrize("seed", range(4))
def test_stops_are_never_half_sent(server, seed):
    free = server.post("/v1/completions", {"prompt": "Once upon a time", "max_tokens": 40, "seed": seed}).json()
    text = free["choices"][0]["text"]
    for at, length in ((5, 1), (11, 4), (20, 9), (len(text) // 2, 3)):
        stop = text[at:at + length]
        if not stop:
            continue
        body = {"prompt": "Once upon a time", "max_tokens": 40, "seed": seed, "stop": [stop, "never there"]}
        whole = server.post("/v1/completions", body).json()["choices"][0]
        assert whole["finish_reason"] == "stop" and whole["text"] == text[:text.index(stop)]
        pieces = [c for event in streamed(server, "/v1/completions", body) for c in event["choices"]]
        so_far = ""
        for piece in pieces:
            so_far += piece["text"]
            assert whole["text"].startswith(so_far), "something was sent that belongs to the stop string"
        assert so_far == whole["text"] and pieces[-1]["finish_reason"] == "stop"


def test_choices_logprobs_and_usage_of_a_stream_are_those_of_the_whole(server):
    body = {"messages": TELL, "n": 3, "seed": 7, "max_tokens": 12, "logprobs": True, "top_logprobs": 3}
    whole = server.post("/v1/chat/completions", body).json()
    texts, tokens, finish, usage = [""] * 3, [[] for _ in range(3)], {}, None
    for event in streamed(server, "/v1/chat/completions", body | {"stream_options": {"include_usage": True}}):
        usage = event["usage"] or usage
        for choice in event["choices"]:
            index = choice["index"]
            texts[index] += choice["delta"].get("content") or ""
            if choice["logprobs"]:
                tokens[index] += choice["logprobs"]["content"]
            if choice["finish_reason"]:
                assert index not in finish
                finish[index] = choice["finish_reason"]
    for choice in whole["choices"]:
        index = choice["index"]
        assert texts[index] == choice["message"]["content"] and finish[index] == choice["finish_reason"]
        assert tokens[index] == choice["logprobs"]["content"]
        assert b"".join(bytes(token["bytes"]) for token in tokens[index]).decode(errors="replace").startswith(texts[index])
    assert usage["completion_tokens"] == whole["usage"]["completion_tokens"] == sum(map(len, tokens))
    assert usage["prompt_tokens"] == whole["usage"]["prompt_tokens"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_key_gets_one_answer(server, stream):
    body = {"messages": TELL, "max_tokens": 8, "stream": stream}
    headers = {"Idempotency-Key": f"contract-{stream}"}
    first = server.post("/v1/chat/completions", body, headers=headers)
    again = server.post("/v1/chat/completions", body, headers=headers)
    assert first.status_code == 200 and first.content == again.content
    assert "Idempotent-Replayed" not in first.headers and again.headers["Idempotent-Replayed"] == "true"
    assert first.headers["X-Request-Id"] != again.headers["X-Request-Id"]
    assert server.post("/v1/chat/completions", body | {"seed": 1}, headers=headers).status_code == 422


def test_one_of_many_with_the_same_key_runs(server):
    body = {"messages": TELL, "max_tokens": 200, "ignore_eos": True}
    before = server.metric("bowhead_generated_tokens_total")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        server.post("/v1/chat/completions", body, headers={"Idempotency-Key": "contract-race"}))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    good = [answer for answer in answers if answer.status_code == 200]
    assert good and len({answer.content for answer in good}) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert server.metric("bowhead_generated_tokens_total") - before == 200


def test_compressed_bodies_both_ways(server):
    text = json.dumps({"content": "word " * 3000}).encode()
    plain = requests.post(server.url + "/tokenize", data=text, headers={"Accept-Encoding": "identity"}, timeout=60)
    assert plain.status_code == 200 and "Content-Encoding" not in plain.headers
    for name, packed in (("gzip", gzip.compress(text)), ("zstd", zstandard.compress(text))):
        answer = requests.post(server.url + "/tokenize", data=packed, timeout=60,
                               headers={"Content-Encoding": name, "Accept-Encoding": name}, stream=True)
        raw = answer.raw.read(decode_content=False)
        assert answer.headers["Content-Encoding"] == name and len(raw) < len(plain.content) / 2
        unpacked = gzip.decompress(raw) if name == "gzip" else zstandard.ZstdDecompressor().decompressobj().decompress(raw)
        assert unpacked == plain.content
    bomb = gzip.compress(b" " * 100_000_000)
    answer = requests.post(server.url + "/tokenize", data=bomb, headers={"Content-Encoding": "gzip"}, timeout=60)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == "request_too_large"


def test_request_ids_are_in_answer_and_log(start):
    server = start("--log-level", "debug")
    assert server.get("/v1/models", headers={"X-Request-Id": "mine-1"}).headers["X-Request-Id"] == "mine-1"
    made = server.get("/v1/models", headers={"X-Request-Id": "not well formed"}).headers["X-Request-Id"]
    assert made.startswith("req-")
    server.stop()
    log = "".join(server.log)
    assert "request_id=mine-1" in log and f"request_id={made}" in log and "not well formed" not in log


def test_origins(start):
    server = start("--cors-origin", "https://app.example")
    allowed = server.get("/v1/models", headers={"Origin": "https://app.example"})
    assert allowed.status_code == 200 and allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    refused = server.get("/v1/models", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403 and "Access-Control-Allow-Origin" not in refused.headers
    preflight = requests.options(server.url + "/v1/chat/completions", timeout=60,
                                 headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
                                          "Access-Control-Request-Headers": "content-type"})
    assert preflight.status_code == 204 and "POST" in preflight.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("origin", ["*", "app.example", "https://app.example/path", "https://*.example"])
def test_bad_origins_end_the_start(origin):
    import subprocess

    from conftest import BINARY, SMOLLM
    result = subprocess.run([BINARY, "serve", str(SMOLLM), "--port", "0", "--cors-origin", origin], capture_output=True,
                            text=True, timeout=60)
    assert result.returncode != 0 and "--cors-origin" in result.stderr


def test_conversations_with_the_official_client(server):
    from openai import OpenAI
    client = OpenAI(base_url=server.url + "/v1", api_key="none")
    conversation = client.conversations.create(items=[{"type": "message", "role": "user", "content": "My name is Ada."}],
                                               metadata={"topic": "names"})
    response = client.responses.create(model="default", input="What is my name?", conversation=conversation.id,
                                       max_output_tokens=10)
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert [item.role for item in items] == ["user", "user", "assistant"]
    assert items[-1].content[0].text == response.output_text
    client.conversations.items.delete(items[0].id, conversation_id=conversation.id)
    assert len(list(client.conversations.items.list(conversation.id, limit=1))) == 2
    assert client.conversations.update(conversation.id, metadata={"topic": "x"}).metadata == {"topic": "x"}
    assert client.conversations.delete(conversation.id).deleted
