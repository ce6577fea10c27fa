"""Tools and reasoning with the official clients over the real binary: what is forced comes, what is strict validates.

The model is too small to call tools well, which makes the tests sharp: nothing but the grammar makes its calls valid.
"""
import json

import anthropic
import jsonschema
import ollama
import openai
import pytest

BOOK = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1, "maxLength": 12},
        "nights": {"type": "integer", "minimum": 1, "maximum": 14},
        "meal": {"enum": ["none", "breakfast"]},
    },
    "required": ["city", "nights", "meal"],
    "additionalProperties": False,
}
TIME = {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"],
        "additionalProperties": False}
SCHEMAS = {"book_hotel": BOOK, "get_time": TIME}
QUESTION = [{"role": "user", "content": "Book a hotel in Oslo for three nights with breakfast."}]
# A template of the Hermes kind whose model reasons, for the model at hand.
TEMPLATE = """{%- if tools %}<|im_start|>system
Tools: {{ tools | tojson }} Call with <tool_call>{"name": ..., "arguments": ...}</tool_call><|im_end|>
{% endif %}{%- for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}<|im_start|>assistant
{% if enable_thinking is defined and not enable_thinking %}<think>

</think>

{% else %}<think>
{% endif %}"""


def chat_tools(strict=False):
    return [{"type": "function", "function": {"name": name, "description": "d", "parameters": schema,
                                              "strict": strict}} for name, schema in SCHEMAS.items()]


def check(name, arguments, allowed=tuple(SCHEMAS)):
    assert name in allowed
    jsonschema.validate(arguments, SCHEMAS[name])


@pytest.fixture(scope="module")
def client(server):
    with openai.OpenAI(base_url=server.url + "/v1", api_key="none", timeout=120, max_retries=0) as made:
        yield made


@pytest.fixture(scope="module")
def thinker(tmp_path_factory):
    from conftest import Server

    path = tmp_path_factory.mktemp("template") / "think.jinja"
    path.write_text(TEMPLATE)
    running = Server("--alias", "smol", "--chat-template", path)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def thinking_client(thinker):
    with openai.OpenAI(base_url=thinker.url + "/v1", api_key="none", timeout=120, max_retries=0) as made:
        yield made


@pytest.mark.parametrize("temperature", [0, 1, 2])
def test_required_calls_are_valid(client, temperature):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, tools=chat_tools(), n=3, seed=4,
                                            tool_choice="required", parallel_tool_calls=False, max_tokens=200,
                                            temperature=temperature)
    for choice in answer.choices:
        assert choice.finish_reason == "tool_calls", choice
        assert len(choice.message.tool_calls) == 1 and choice.message.content is None
        call = choice.message.tool_calls[0]
        check(call.function.name, json.loads(call.function.arguments))


def test_a_named_tool_streamed_and_answered(client):
    parameters = {"model": "smol", "messages": QUESTION, "tools": chat_tools(), "parallel_tool_calls": False,
                  "tool_choice": {"type": "function", "function": {"name": "get_time"}}, "max_tokens": 100, "seed": 1}
    ids, arguments, finish = set(), [], None
    for chunk in client.chat.completions.create(**parameters, stream=True):
        choice = chunk.choices[0]
        finish = choice.finish_reason or finish
        for call in choice.delta.tool_calls or []:
            ids |= {call.id} - {None}
            arguments.append(call.function.arguments)
    assert finish == "tool_calls" and len(ids) == 1
    assert len([part for part in arguments if part]) > 1, "arguments come as they are written"
    check("get_time", json.loads("".join(arguments)))
    whole = client.chat.completions.create(**parameters).choices[0].message
    assert whole.tool_calls[0].function.arguments == "".join(arguments)
    result = {"role": "tool", "tool_call_id": whole.tool_calls[0].id, "content": "12:30"}
    after = client.chat.completions.create(model="smol", messages=[*QUESTION, whole, result], tools=chat_tools(),
                                           tool_choice="none", max_tokens=20)
    assert after.choices[0].message.content


def test_allowed_tools(client):
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "get_time"}}]}}
    answer = client.chat.completions.create(model="smol", messages=QUESTION, tools=chat_tools(), tool_choice=choice,
                                            parallel_tool_calls=False, temperature=1.5, seed=3, max_tokens=100)
    check(answer.choices[0].message.tool_calls[0].function.name,
          json.loads(answer.choices[0].message.tool_calls[0].function.arguments), ["get_time"])


def test_strict_tools_validate_whenever_they_are_called(client):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, tools=chat_tools(strict=True), n=8, seed=1,
                                            temperature=1, max_tokens=80)
    for choice in answer.choices:
        calls = choice.message.tool_calls or []
        for call in calls if choice.finish_reason == "tool_calls" else calls[:-1]:
            check(call.function.name, json.loads(call.function.arguments))


def test_a_call_or_a_conforming_answer(client):
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"],
              "additionalProperties": False}
    answer = client.chat.completions.create(
        model="smol", messages=QUESTION, tools=chat_tools(), parallel_tool_calls=False, n=6, seed=2, temperature=1.5,
        max_tokens=150, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    for choice in answer.choices:
        if choice.finish_reason == "tool_calls":
            call = choice.message.tool_calls[0]
            check(call.function.name, json.loads(call.function.arguments))
        else:
            assert choice.finish_reason == "stop"
            jsonschema.validate(json.loads(choice.message.content), schema)


def test_a_cut_call_says_so(client):
    answer = client.chat.completions.create(model="smol", messages=QUESTION, tools=chat_tools(), tool_choice="required",
                                            max_tokens=12)
    assert answer.choices[0].finish_reason == "length"


def test_responses(client):
    tools = [{"type": "function", "name": name, "description": "d", "parameters": schema, "strict": True}
             for name, schema in SCHEMAS.items()]
    first = client.responses.create(model="smol", input="Book a hotel in Oslo.", tools=tools, tool_choice="required",
                                    parallel_tool_calls=False, max_output_tokens=200)
    assert first.status == "completed" and first.tool_choice == "required" and not first.parallel_tool_calls
    (call,) = [item for item in first.output if item.type == "function_call"]
    check(call.name, json.loads(call.arguments))
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="smol", input="Well?", previous_response_id=first.id, max_output_tokens=5)
    assert call.call_id in caught.value.message
    second = client.responses.create(model="smol", previous_response_id=first.id, max_output_tokens=10, input=[
        {"type": "function_call_output", "call_id": call.call_id, "output": "done"}])
    assert second.output_text


def test_anthropic(server):
    tools = [{"name": name, "description": "d", "input_schema": schema} for name, schema in SCHEMAS.items()]
    with anthropic.Anthropic(base_url=server.url, api_key="none", timeout=120, max_retries=0) as client:
        for choice, allowed in [({"type": "any", "disable_parallel_tool_use": True}, tuple(SCHEMAS)),
                                ({"type": "tool", "name": "get_time", "disable_parallel_tool_use": True},
                                 ["get_time"])]:
            with client.messages.stream(model="smol", max_tokens=200, messages=QUESTION, tools=tools,
                                        tool_choice=choice) as stream:
                message = stream.get_final_message()
            assert message.stop_reason == "tool_use"
            (block,) = message.content
            check(block.name, block.input, allowed)
        answer = [{"type": "tool_result", "tool_use_id": block.id, "content": "12:30"}]
        after = client.messages.create(model="smol", max_tokens=10, tools=tools, tool_choice={"type": "none"}, messages=[
            *QUESTION, {"role": "assistant", "content": message.content}, {"role": "user", "content": answer}])
        assert after.content[0].type == "text"


def test_ollama_offers_tools_to_any_model(server):
    client = ollama.Client(host=server.url, timeout=120)
    assert "tools" in client.show("smol").capabilities
    answer = client.chat("smol", QUESTION, tools=chat_tools(), options={"num_predict": 20, "seed": 1})
    assert answer.message.content or answer.message.tool_calls
    calls = [{"function": {"name": "get_time", "arguments": {"zone": "UTC"}}}]
    history = [*QUESTION, {"role": "assistant", "content": "", "tool_calls": calls},
               {"role": "tool", "tool_name": "get_time", "content": "12:30"}]
    assert client.chat("smol", history, options={"num_predict": 5}).message.content
    with pytest.raises(ollama.ResponseError, match=r"messages\[1\]"):
        client.chat("smol", history[:2])


@pytest.mark.parametrize("change, param", [
    ({"tools": chat_tools() + chat_tools()}, "tools[2].function.name"),
    ({"tools": chat_tools(), "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [{"type": "function", "function": {"name": "f", "strict": True, "parameters": {
        "type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}}}]},
     "tools[0].function.parameters"),
    ({"messages": [*QUESTION, {"role": "tool", "tool_call_id": "x", "content": "y"}]}, "messages[1].tool_call_id"),
    ({"messages": [*QUESTION, {"role": "assistant", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}]}, "messages[1].tool_calls"),
    ({"messages": [*QUESTION, {"role": "robot", "content": "x"}]}, "messages[1].role"),
])
def test_mistakes_are_named(client, change, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**({"model": "smol", "messages": QUESTION, "max_tokens": 5} | change))
    assert caught.value.param == param


def test_a_budget_of_reasoning_is_kept(thinking_client):
    for budget in (0, 7, 30):
        answer = thinking_client.chat.completions.create(model="smol", messages=QUESTION, max_tokens=80, temperature=0,
                                                         extra_body={"reasoning": {"max_tokens": budget}})
        reasoning = answer.usage.completion_tokens_details.reasoning_tokens
        # The mark that closes it is written in a few tokens of its own here.
        assert reasoning <= budget + 8, reasoning
        assert answer.choices[0].message.content, "an answer follows"


def test_structured_output_after_reasoning(thinking_client):
    answer = thinking_client.chat.completions.create(
        model="smol", messages=QUESTION, max_tokens=150, seed=1,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": TIME}},
        extra_body={"max_reasoning_tokens": 20})
    message = answer.choices[0].message
    assert message.reasoning_content
    jsonschema.validate(json.loads(message.content), TIME)


def test_a_required_call_after_reasoning(thinking_client):
    answer = thinking_client.chat.completions.create(
        model="smol", messages=QUESTION, max_tokens=200, seed=1, tools=chat_tools(), tool_choice="required",
        parallel_tool_calls=False, extra_body={"thinking_token_budget": 20})
    message = answer.choices[0].message
    assert message.reasoning_content and answer.choices[0].finish_reason == "tool_calls"
    check(message.tool_calls[0].function.name, json.loads(message.tool_calls[0].function.arguments))


def test_reasoning_off_and_on(thinker, thinking_client):
    off = thinking_client.chat.completions.create(model="smol", messages=QUESTION, max_tokens=10, reasoning_effort="none")
    assert off.usage.completion_tokens_details.reasoning_tokens == 0 and off.choices[0].message.content
    client = ollama.Client(host=thinker.url, timeout=120)
    assert client.chat("smol", QUESTION, think=False, options={"num_predict": 10}).message.content
    on = client.chat("smol", QUESTION, think=True, options={"num_predict": 10}).message
    assert on.thinking and not on.content
    with anthropic.Anthropic(base_url=thinker.url, api_key="none", timeout=120, max_retries=0) as asked:
        message = asked.messages.create(model="smol", max_tokens=60, messages=QUESTION,
                                        thinking={"type": "enabled", "budget_tokens": 15})
    assert [block.type for block in message.content] == ["thinking", "text"]
