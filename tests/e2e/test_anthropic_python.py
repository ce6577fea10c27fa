"""Anthropic's official Python package against the real server."""
import anthropic
import pytest

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
GREEDY = {"temperature": 0}


@pytest.fixture(scope="module")
def client(server):
    with anthropic.Anthropic(base_url=server.url, api_key="none", timeout=120, max_retries=0) as made:
        yield made


def test_message(client):
    answer = client.messages.create(model="smol", max_tokens=20, extra_body=GREEDY, system="Answer in English.",
                                    messages=QUESTION)
    assert "Paris" in answer.content[0].text
    assert answer.type == "message" and answer.role == "assistant" and answer.model == "smol"
    assert answer.id.startswith("msg_")
    assert answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.output_tokens > 0


def test_stream_is_the_same_text_with_the_same_counts(client):
    parameters = {"model": "smol", "max_tokens": 40, "extra_body": GREEDY, "messages": QUESTION}
    whole = client.messages.create(**parameters)
    with client.messages.stream(**parameters) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == whole.content[0].text == final.content[0].text
    assert len(pieces) > 3
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    total = [usage.input_tokens + usage.cache_read_input_tokens for usage in (whole.usage, final.usage)]
    assert total[0] == total[1] == client.messages.count_tokens(model="smol", messages=QUESTION).input_tokens


def test_why_it_stopped(client):
    cut = client.messages.create(model="smol", max_tokens=3, extra_body=GREEDY, messages=QUESTION)
    assert cut.stop_reason == "max_tokens" and cut.usage.output_tokens == 3
    text = client.messages.create(model="smol", max_tokens=30, extra_body=GREEDY, messages=QUESTION).content[0].text
    stopped = client.messages.create(model="smol", max_tokens=30, extra_body=GREEDY, messages=QUESTION,
                                     stop_sequences=["never", text[2:5]])
    assert stopped.stop_reason == "stop_sequence" and stopped.stop_sequence == text[2:5]
    assert stopped.content[0].text == text[:text.index(text[2:5])]


def test_blocks_become_one_text(client):
    blocks = [{"type": "text", "text": "What is the capital of France?"}, {"type": "text", "text": " Answer in one word."}]
    counts = [client.messages.count_tokens(model="smol", messages=[{"role": "user", "content": content}]).input_tokens
              for content in (blocks, QUESTION[0]["content"])]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("change, part", [
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}]}, "t1"),
    ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking"),
    ({"tools": [{"name": "f", "input_schema": {"type": "object"}}] * 2}, "tools.1.name"),
    ({"tool_choice": {"type": "any"}}, "tool_choice"),
    ({"max_tokens": 100000}, "context"),
    ({"extra_body": {"temprature": 1}}, "temprature"),
])
def test_mistakes_are_named(client, change, part):
    with pytest.raises(anthropic.BadRequestError) as caught:
        client.messages.create(**({"model": "smol", "max_tokens": 10, "messages": QUESTION} | change))
    assert part in caught.value.message
    assert caught.value.body["type"] == "error" and caught.value.body["error"]["type"] == "invalid_request_error"
    assert caught.value.request_id


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(anthropic.NotFoundError):
        client.messages.create(model="claude", max_tokens=10, messages=QUESTION)
