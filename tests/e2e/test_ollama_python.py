"""Ollama's official Python package against the real server."""
import ollama
import pytest

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
GREEDY = {"temperature": 0, "num_predict": 30}


@pytest.fixture(scope="module")
def client(server):
    return ollama.Client(host=server.url, timeout=120)


def test_models(client):
    models = client.list().models
    assert [model.model for model in models] == ["smol"]
    assert models[0].details.quantization_level == "Q4_1" and models[0].size == 98362432
    shown = client.show("smol:latest")
    assert shown.modelinfo["llama.context_length"] == 8192 and shown.capabilities == ["completion", "tools"]


def test_chat_and_stream_are_the_same(client):
    whole = client.chat("smol", QUESTION, options=GREEDY)
    lines = list(client.chat("smol:latest", QUESTION, options=GREEDY, stream=True))
    assert "Paris" in whole.message.content and whole.done
    assert "".join(line.message.content for line in lines) == whole.message.content
    assert len(lines) > 3 and [line.done for line in lines] == [False] * (len(lines) - 1) + [True]
    assert lines[-1].eval_count == whole.eval_count > 0
    assert lines[-1].prompt_eval_count == whole.prompt_eval_count > 0
    assert lines[-1].done_reason == whole.done_reason in ("stop", "length")


def test_generate(client):
    answer = client.generate("smol", QUESTION[0]["content"], options=GREEDY)
    assert answer.response == client.chat("smol", QUESTION, options=GREEDY).message.content
    cut = client.generate("smol", QUESTION[0]["content"], options=GREEDY | {"num_predict": 2})
    assert cut.eval_count == 2 and cut.done_reason == "length"
    assert "".join(line.response for line in client.generate(
        "smol", QUESTION[0]["content"], options=GREEDY, stream=True)) == answer.response


def test_seeds(client):
    options = {"temperature": 1.0, "seed": 7, "num_predict": 20}
    answers = {client.chat("smol", QUESTION, options=options).message.content for _ in range(2)}
    assert len(answers) == 1


@pytest.mark.parametrize("call, status, part", [
    (lambda c: c.chat("mistral", QUESTION), 404, "mistral"),
    (lambda c: c.chat("smol", []), 400, "messages"),
    (lambda c: c.chat("smol", QUESTION, format={"not": {}}), 400, "format"),
    (lambda c: c.chat("smol", QUESTION, options={"mirostat": 1}), 400, "mirostat"),
    (lambda c: c.chat("smol", QUESTION, options={"temperature": 9}), 400, "temperature"),
    (lambda c: c.chat("smol", [{"role": "tool", "content": "x"}]), 400, "messages[0]"),
    (lambda c: c.generate("smol", ""), 400, "prompt"),
    (lambda c: c.generate("smol", "x", raw=True), 400, "raw"),
])
def test_mistakes_are_named(client, call, status, part):
    with pytest.raises(ollama.ResponseError) as caught:
        call(client)
    assert caught.value.status_code == status and part in caught.value.error
