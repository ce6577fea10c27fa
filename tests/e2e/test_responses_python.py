"""OpenAI's Responses API with the official Python package against the real server."""
import openai
import pytest

QUESTION = "What is the capital of France? Answer in one word."


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", timeout=120, max_retries=0) as made:
        yield made


def ask(client, question=QUESTION, **more):
    return client.responses.create(**({"model": "smol", "input": question, "temperature": 0, "max_output_tokens": 30} | more))


def test_whole_response(client):
    response = ask(client, instructions="Answer in English.", metadata={"a": "b"})
    assert "Paris" in response.output_text
    assert response.status in ("completed", "incomplete") and response.model == "smol"
    assert response.metadata == {"a": "b"} and response.instructions == "Answer in English."
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    chat = client.chat.completions.create(model="smol", temperature=0, max_tokens=30, messages=[
        {"role": "system", "content": "Answer in English."}, {"role": "user", "content": QUESTION}])
    assert response.output_text == chat.choices[0].message.content
    assert response.usage.input_tokens == chat.usage.prompt_tokens


def test_stream_ends_with_the_same_response(client):
    whole = ask(client)
    with client.responses.stream(model="smol", input=QUESTION, temperature=0, max_output_tokens=30) as stream:
        events = list(stream)
        final = stream.get_final_response()
    assert final.output_text == whole.output_text and final.usage.output_tokens == whole.usage.output_tokens
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert "".join(deltas) == whole.output_text and len(deltas) > 3
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(numbers) and events[0].type == "response.created"
    assert events[-1].type == "response." + whole.status


def test_going_on_from_a_kept_response(client):
    first = ask(client, "My name is Ada. Say hello.")
    second = ask(client, "What is my name?", previous_response_id=first.id)
    chat = client.chat.completions.create(model="smol", temperature=0, max_tokens=30, messages=[
        {"role": "user", "content": "My name is Ada. Say hello."}, {"role": "assistant", "content": first.output_text},
        {"role": "user", "content": "What is my name?"}])
    assert second.output_text == chat.choices[0].message.content
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(second.id).output_text == second.output_text
    items = client.responses.input_items.list(first.id).data
    assert items[0].content[0].text == "My name is Ada. Say hello."
    client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        ask(client, previous_response_id=first.id)


def test_what_is_not_kept_cannot_be_found(client):
    response = ask(client, store=False)
    assert response.store is False
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)


def test_a_cut_response_is_incomplete(client):
    response = ask(client, max_output_tokens=2)
    assert response.status == "incomplete" and response.incomplete_details.reason == "max_output_tokens"
    assert response.usage.output_tokens == 2


@pytest.mark.parametrize("change, param", [
    ({"input": []}, "input"),
    ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]}, "input[0].content[0]"),
    ({"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}, "input[0]"),
    ({"input": [{"type": "computer_call"}]}, "input[0].type"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
    ({"truncation": "auto"}, "truncation"),
    ({"background": True}, "background"),
    ({"reasoning": {"effort": "high"}}, "reasoning.effort"),
    ({"extra_body": {"temprature": 1}}, "temprature"),
    ({"temperature": 9}, "temperature"),
])
def test_mistakes_are_named(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **change)
    assert caught.value.param == param
