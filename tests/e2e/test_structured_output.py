"""Structured output through every API: what comes back always validates, or the answer says that it was cut."""
import json
import re

import anthropic
import jsonschema
import ollama
import openai
import pytest

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
QUESTION = [{"role": "user", "content": "Describe a person as JSON with name, age and tags."}]


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", timeout=120, max_retries=0) as made:
        yield made


def schema_format(schema):
    return {"type": "json_schema", "json_schema": {"name": "it", "schema": schema, "strict": True}}


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_a_schema_holds_at_every_temperature(client, temperature):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, temperature=temperature, seed=3, n=4,
                                            max_tokens=120, response_format=schema_format(PERSON))
    for choice in answer.choices:
        assert choice.finish_reason == "stop", choice
        jsonschema.validate(json.loads(choice.message.content), PERSON)


def test_streams_bring_the_same_text(client):
    parameters = {"model": "smol", "messages": QUESTION, "temperature": 1, "seed": 5, "max_tokens": 120,
                  "response_format": schema_format(PERSON)}
    whole = client.chat.completions.create(**parameters).choices[0].message.content
    chunks = client.chat.completions.create(**parameters, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole


def test_json_object(client):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, temperature=0, max_tokens=400,
                                            response_format={"type": "json_object"})
    choice = answer.choices[0]
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content), dict)
    else:
        assert choice.finish_reason == "length" and choice.message.content.startswith("{")


def test_a_cut_answer_says_so(client):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, max_tokens=3, temperature=0,
                                            response_format=schema_format(PERSON))
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 3


@pytest.mark.parametrize("constraint, pattern", [
    ({"regex": r"[A-Z]{3}-\d{4}"}, r"[A-Z]{3}-\d{4}"),
    ({"choice": ["red", "green", "dark blue"]}, "red|green|dark blue"),
    ({"grammar": 'root ::= "yes" | "no" [!?]'}, "yes|no[!?]"),
    ({"json": {"type": "integer", "minimum": 10, "maximum": 12}}, "1[012]"),
])
def test_other_constraints(client, constraint, pattern):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, temperature=1, n=5, max_tokens=30,
                                            extra_body={"structured_outputs": constraint})
    for choice in answer.choices:
        assert choice.finish_reason == "stop" and re.fullmatch(pattern, choice.message.content)


def test_logprobs_and_other_requests_beside_it_are_as_without(client):
    plain = {"model": "smol", "messages": QUESTION, "temperature": 0, "max_tokens": 20, "logprobs": True}
    before = client.chat.completions.create(**plain).choices[0]
    held = client.chat.completions.create(**plain, response_format=schema_format({"const": before.message.content}))
    after = client.chat.completions.create(**plain).choices[0]
    assert before.message.content == after.message.content
    assert held.choices[0].logprobs.content[0].bytes


@pytest.mark.parametrize("schema, part", [
    ({"properties": {"a": {"not": {}}}}, "#/properties/a"),
    ({"$ref": "https://example.org/other.json"}, "$ref"),
    ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    ({"type": "objekt"}, "type"),
])
def test_what_cannot_be_kept_is_refused_by_keyword_and_place(client, schema, part):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="smol", messages=QUESTION, response_format=schema_format(schema))
    assert part in caught.value.message and caught.value.code == "unsupported_schema"
    assert caught.value.param == "response_format"


def test_responses_api(client):
    response = client.responses.create(model="smol", input=QUESTION[0]["content"], max_output_tokens=120, text={
        "format": {"type": "json_schema", "name": "person", "schema": PERSON, "strict": True}})
    assert response.status == "completed" and response.text.format.type == "json_schema"
    jsonschema.validate(json.loads(response.output_text), PERSON)


def test_anthropics_api(server):
    with anthropic.Anthropic(base_url=server.url, api_key="none", timeout=120, max_retries=0) as made:
        answer = made.messages.create(model="smol", max_tokens=120, messages=QUESTION,
                                      output_config={"format": {"type": "json_schema", "schema": PERSON}})
    assert answer.stop_reason == "end_turn"
    jsonschema.validate(json.loads(answer.content[0].text), PERSON)


def test_ollamas_api(server):
    answer = ollama.Client(host=server.url, timeout=120).chat("smol", QUESTION, format=PERSON,
                                                              options={"num_predict": 120})
    assert answer.done_reason == "stop"
    jsonschema.validate(json.loads(answer.message.content), PERSON)
