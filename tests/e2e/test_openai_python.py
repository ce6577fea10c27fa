"""The official Python package against the real server."""
import base64
import struct
import time

import openai
import pytest

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", timeout=120, max_retries=0) as made:
        yield made


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == ["smol"]
    card = models[0].model_extra["bowhead"]
    assert card["architecture"] == "llama" and card["quantization"] == "Q4_1" and card["context_length"] == 8192
    assert card["file_bytes"] == 98362432 and 130e6 < card["parameters"] < 140e6 and card["isa"]
    assert client.models.retrieve("default").id == "default"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4")


@pytest.mark.parametrize("name", ["smol", "default", "SmolLM2-135M-Instruct.Q4_1"])
def test_chat(client, name):
    answer = client.chat.completions.create(model=name, messages=QUESTION, temperature=0, max_tokens=20)
    assert "Paris" in answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.id.startswith("chatcmpl-") and answer.model == "smol"


def test_stream_is_the_same_text(client):
    parameters = {"model": "smol", "messages": QUESTION, "seed": 5, "temperature": 0.8, "max_completion_tokens": 40}
    whole = client.chat.completions.create(**parameters)
    chunks = list(client.chat.completions.create(**parameters, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert chunks[-2].choices[0].finish_reason == whole.choices[0].finish_reason
    assert len(chunks) > 5


def test_choices_and_seeds(client):
    parameters = {"model": "smol", "messages": QUESTION, "temperature": 1, "max_tokens": 12}
    three = client.chat.completions.create(**parameters, n=3, seed=100).choices
    assert [choice.index for choice in three] == [0, 1, 2]
    again = client.chat.completions.create(**parameters, seed=102).choices[0]
    assert again.message.content == three[2].message.content


def test_stop_strings(client):
    text = client.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=30).choices[0]
    stop = text.message.content[3:7]
    cut = client.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=30, stop=[stop])
    assert cut.choices[0].message.content == text.message.content[: text.message.content.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


def test_logprobs(client):
    choice = client.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=5, logprobs=True,
                                            top_logprobs=3).choices[0]
    tokens = choice.logprobs.content
    assert b"".join(bytes(token.bytes) for token in tokens).decode() == choice.message.content
    for token in tokens:
        assert len(token.top_logprobs) == 3 and token.top_logprobs[0].token == token.token
        assert token.logprob <= 0 and token.logprob == token.top_logprobs[0].logprob


def test_logit_bias_forbids_a_token(client, server):
    token = server.post("/tokenize", {"content": "Paris"}).json()["tokens"]
    space = server.post("/tokenize", {"content": " Paris"}).json()["tokens"]
    bias = {str(each): -100 for each in token + space}
    text = client.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=20, logit_bias=bias)
    assert "Paris" not in text.choices[0].message.content


def test_completions(client):
    answer = client.completions.create(model="smol", prompt="The capital of France is", max_tokens=8, temperature=0)
    assert "Paris" in answer.choices[0].text
    echo = client.completions.create(model="smol", prompt=["One, two,", "A, B,"], max_tokens=4, temperature=0, echo=True,
                                     logprobs=None, n=2, seed=1)
    assert len(echo.choices) == 4 and echo.choices[3].text.startswith("A, B,")
    chunks = client.completions.create(model="smol", prompt="The capital of France is", max_tokens=8, temperature=0,
                                       stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == answer.choices[0].text
    logprobs = client.completions.create(model="smol", prompt="Hi", max_tokens=3, logprobs=2, temperature=0)
    assert len(logprobs.choices[0].logprobs.tokens) == 3
    assert logprobs.choices[0].logprobs.text_offset[0] == 0


def test_embeddings(client):
    texts = ["The cat sat on the mat.", "A cat was sitting on a rug.", "Interest rates rose in March."]
    vectors = [item.embedding for item in client.embeddings.create(model="smol", input=texts).data]
    assert len(vectors) == 3 and all(len(vector) == 576 for vector in vectors)
    dot = lambda a, b: sum(x * y for x, y in zip(a, b))  # noqa: E731
    assert all(abs(dot(vector, vector) - 1) < 1e-3 for vector in vectors)
    assert dot(vectors[0], vectors[1]) > dot(vectors[0], vectors[2])


def test_embeddings_as_base64_and_tokens(server):
    one = server.post("/v1/embeddings", {"input": "Hello", "encoding_format": "float"}).json()["data"][0]["embedding"]
    two = server.post("/v1/embeddings", {"input": "Hello", "encoding_format": "base64"}).json()["data"][0]["embedding"]
    raw = base64.b64decode(two)
    assert list(struct.unpack(f"<{len(raw) // 4}f", raw)) == pytest.approx(one, abs=1e-6)
    tokens = server.post("/tokenize", {"content": "Hello", "add_special": True}).json()["tokens"]
    assert server.post("/v1/embeddings", {"input": tokens}).json()["data"][0]["embedding"] == pytest.approx(one, abs=1e-6)


def test_cancel(client, server):
    server.wait_idle()
    before = server.metric("bowhead_kv_blocks_used")
    stream = client.chat.completions.create(model="smol", messages=[{"role": "user", "content": "Count to a thousand."}],
                                            max_tokens=4000, stream=True, extra_body={"ignore_eos": True})
    for index, _ in enumerate(stream):
        if index == 3:
            break
    stream.close()
    began = time.monotonic()
    server.wait_idle(5)
    assert time.monotonic() - began < 5
    assert before >= 0


def test_errors_have_the_official_types(client):
    with pytest.raises(openai.BadRequestError) as wrong:
        client.chat.completions.create(model="smol", messages=QUESTION, temperature=3)
    assert wrong.value.param == "temperature" and wrong.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="smol", messages=QUESTION, response_format={"type": "xml"})
    assert refused.value.param == "response_format.type"
    with pytest.raises(openai.BadRequestError) as long:
        client.chat.completions.create(model="smol", messages=[{"role": "user", "content": "word " * 20000}])
    assert long.value.code == "context_length_exceeded" and "8192" in str(long.value)
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-4", messages=QUESTION)
    assert missing.value.code == "model_not_found"
