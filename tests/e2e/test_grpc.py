"""gRPC through Python's grpcio, with stubs generated from proto/: the same answers, limits, keys and errors as REST."""
import concurrent.futures
import json
import queue
import threading
import time

import grpc
import pytest
from google.rpc import error_details_pb2

from grpc_support import (QUESTION, answer_pb2, bowhead_pb2_grpc, channel_to, chat, chat_pb2, details, embed_pb2,
                          failure, generate_pb2, health_pb2, health_pb2_grpc, models_pb2, parameters_pb2, text_of)

LONG = dict(text="Count to a thousand.", max_tokens=4000, ignore_eos=True)
Input = parameters_pb2.Input


@pytest.fixture(scope="module")
def stub(server):
    with channel_to(server) as channel:
        yield bowhead_pb2_grpc.BowheadStub(channel)


def rest_chat(server, **parameters):
    body = {"messages": [{"role": "user", "content": QUESTION}]} | parameters
    return server.post("/v1/chat/completions", body).json()


def test_chat_is_what_rest_says(server, stub):
    parameters = {"seed": 5, "temperature": 0.8, "max_tokens": 40}
    rest = rest_chat(server, **parameters)
    responses = list(stub.Chat(chat(**parameters)))
    assert text_of(responses) == rest["choices"][0]["message"]["content"]
    head = responses[0].head
    assert head.id.startswith("chatcmpl-") and head.model == "smol" and head.created > 1.7e9
    assert not any(response.HasField("head") for response in responses[1:])
    last = responses[-1]
    assert last.choices[-1].finish_reason in (answer_pb2.FINISH_REASON_STOP, answer_pb2.FINISH_REASON_LENGTH)
    assert last.usage.completion_tokens == rest["usage"]["completion_tokens"]
    assert last.usage.total_tokens == rest["usage"]["total_tokens"] and last.timings.time_to_first_token_ms > 0
    assert len(responses) > 5


def test_choices_stops_and_bias(server, stub):
    three = list(stub.Chat(chat(n=3, seed=100, max_tokens=12)))
    again = list(stub.Chat(chat(seed=102, max_tokens=12)))
    assert text_of(three, 2) == text_of(again)
    whole = text_of(stub.Chat(chat(temperature=0, max_tokens=30)))
    assert text_of(stub.Chat(chat(temperature=0, max_tokens=30, stop=[whole[3:7]]))) == whole[:whole.index(whole[3:7])]
    tokens = [token for text in ("Paris", " Paris") for token in server.post("/tokenize", {"content": text}).json()["tokens"]]
    assert "Paris" not in text_of(stub.Chat(chat(temperature=0, max_tokens=20, logit_bias=dict.fromkeys(tokens, -100))))


def test_logprobs(server, stub):
    rest = rest_chat(server, temperature=0, max_tokens=5, logprobs=True, top_logprobs=3)["choices"][0]["logprobs"]["content"]
    responses = list(stub.Chat(chat(temperature=0, max_tokens=5, logprobs=True, top_logprobs=3)))
    tokens = [token for response in responses for delta in response.choices for token in delta.logprobs]
    assert b"".join(token.token for token in tokens).decode() == text_of(responses)
    assert [token.logprob for token in tokens] == pytest.approx([token["logprob"] for token in rest], abs=1e-5)
    assert all(len(token.top) == 3 and token.top[0].token == token.token for token in tokens)


def test_structured_output(stub):
    schema = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"],
              "additionalProperties": False}
    form = parameters_pb2.ResponseFormat(type="json_schema", json_schema=parameters_pb2.JsonSchema(
        name="city", schema=json.dumps(schema)))
    answer = json.loads(text_of(stub.Chat(chat(temperature=0, max_tokens=60, response_format=form))))
    assert list(answer) == ["city"]
    one = text_of(stub.Chat(chat(structured_outputs=parameters_pb2.StructuredOutputs(choice=["Paris", "Rome"]))))
    assert one in ("Paris", "Rome")
    bad = parameters_pb2.ResponseFormat(type="json_schema", json_schema=parameters_pb2.JsonSchema(
        name="x", schema='{"type": "object", "unevaluatedProperties": {"$dynamicRef": "#x"}}'))
    error = failure(lambda: stub.Chat(chat(response_format=bad)))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "response_format" in error.details()


def test_generate(server, stub):
    rest = server.post("/v1/completions", {"prompt": "The capital of France is", "max_tokens": 8, "temperature": 0}).json()
    request = generate_pb2.GenerateRequest(prompt=[Input(text="The capital of France is")], max_tokens=8, temperature=0)
    text = "".join(delta.text for response in stub.Generate(request) for delta in response.choices)
    assert text == rest["choices"][0]["text"]
    ids = server.post("/tokenize", {"content": "The capital of France is", "add_special": True}).json()["tokens"]
    request = generate_pb2.GenerateRequest(prompt=[Input(tokens=parameters_pb2.Tokens(ids=ids)), Input(text="A, B,")],
                                           max_tokens=8, temperature=0, echo=True)
    texts = ["", ""]
    for response in stub.Generate(request):
        for delta in response.choices:
            texts[delta.index] += delta.text
    assert texts[0].endswith(text) and texts[1].startswith("A, B,")


def test_embed(server, stub):
    answer = stub.Embed(embed_pb2.EmbedRequest(input=[Input(text="Hello"), Input(text="World")]))
    rest = server.post("/v1/embeddings", {"input": ["Hello", "World"]}).json()
    for ours, theirs in zip(answer.embeddings, rest["data"], strict=True):
        assert list(ours.values) == pytest.approx(theirs["embedding"], abs=1e-6)
    assert answer.usage.prompt_tokens == rest["usage"]["prompt_tokens"]


def test_models(stub):
    model = stub.ListModels(models_pb2.ListModelsRequest()).models[0]
    assert model.id == "smol" and model.architecture == "llama" and model.context_length == 8192 and model.isa
    assert stub.GetModel(models_pb2.GetModelRequest(id="default")).id == "default"
    error = failure(lambda: stub.GetModel(models_pb2.GetModelRequest(id="gpt-4")))
    assert error.code() == grpc.StatusCode.NOT_FOUND and "gpt-4" in error.details()


@pytest.mark.parametrize("parameters, code, param", [
    ({"temperature": 3}, "INVALID_ARGUMENT", "temperature"),
    ({"top_logprobs": 2}, "INVALID_ARGUMENT", "top_logprobs"),
    ({"n": 33}, "INVALID_ARGUMENT", "n"),
    ({"model": "gpt-4"}, "NOT_FOUND", "model"),
    ({"reasoning_effort": "high"}, "INVALID_ARGUMENT", "reasoning_effort"),
    ({"text": "word " * 20000}, "OUT_OF_RANGE", "messages"),
    ({"tools": [parameters_pb2.Tool(type="function", function=parameters_pb2.Function(
        name="f", parameters_json="{nonsense"))]}, "INVALID_ARGUMENT", "tools[0].function.parameters"),
    ({"logit_bias": {10**8: 1}}, "INVALID_ARGUMENT", "logit_bias"),
])
def test_refusals_name_the_parameter(server, stub, parameters, code, param):
    error = failure(lambda: stub.Chat(chat(**parameters)))
    assert error.code().name == code
    found = details(error)
    violation = error_details_pb2.BadRequest.FromString(found["BadRequest"].value).field_violations[0]
    assert violation.field == param and violation.description == error.details()
    info = error_details_pb2.ErrorInfo.FromString(found["ErrorInfo"].value)
    assert info.domain == "bowhead" and info.reason


def test_messages_and_fields_that_are_not_there(stub, server):
    assert failure(lambda: stub.Chat(chat_pb2.ChatRequest())).code() == grpc.StatusCode.INVALID_ARGUMENT
    newer = chat().SerializeToString() + bytes([0xfa, 0x3f, 1, 0])  # field 1023, of a later version
    with channel_to(server) as channel:
        raw = channel.unary_stream("/bowhead.v1.Bowhead/Chat")
        error = failure(lambda: raw(newer))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "field 1023" in error.details()
        for garbage in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x12\x03\x0a\x01\xff"):
            assert failure(lambda: raw(garbage)).code() == grpc.StatusCode.INVALID_ARGUMENT
        error = failure(lambda: channel.unary_unary("/bowhead.v1.Bowhead/Nothing")(b""))
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED and "Nothing" in error.details()
        assert failure(lambda: channel.stream_stream("/bowhead.v1.Bowhead/Chat")(iter([]))).code() == \
            grpc.StatusCode.INVALID_ARGUMENT


def test_oversized_messages(stub, server):
    assert failure(lambda: stub.Chat(chat("x" * (9 << 20)))).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert text_of(stub.Chat(chat(max_tokens=2)))
    # Small on the wire, large when it is unpacked.
    error = failure(lambda: stub.Chat(chat("x" * (64 << 20)), compression=grpc.Compression.Gzip))
    assert error.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
    assert text_of(stub.Chat(chat(max_tokens=2), compression=grpc.Compression.Gzip))


def test_request_ids(stub):
    call = stub.Chat(chat(max_tokens=2), metadata=[("x-request-id", "mine-1")])
    list(call)
    assert dict(call.initial_metadata())["x-request-id"] == "mine-1"
    error = failure(lambda: stub.Chat(chat(n=0)))
    made = error_details_pb2.RequestInfo.FromString(details(error)["RequestInfo"].value).request_id
    assert made.startswith("req-") and dict(error.initial_metadata() or error.trailing_metadata()) is not None


def test_a_deadline_ends_the_request(server, stub):
    server.wait_idle()
    error = failure(lambda: stub.Chat(chat(**LONG), timeout=0.5))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    server.wait_idle(5)


def test_cancel(server, stub):
    server.wait_idle()
    call = stub.Chat(chat(**LONG))
    for _ in range(3):
        next(call)
    assert server.metric("bowhead_requests_running") == 1
    call.cancel()
    server.wait_idle(5)
    used = server.metric("bowhead_kv_blocks_used")
    with channel_to(server) as channel:  # a client that vanishes with its connection
        next(iter(bowhead_pb2_grpc.BowheadStub(channel).Chat(chat(**LONG))))
    server.wait_idle(5)
    assert server.metric("bowhead_kv_blocks_used") <= used + 8


def test_sixteen_streams_at_once(stub):
    alone = [text_of(stub.Chat(chat(f"Say a number near {i}.", seed=i, max_tokens=24))) for i in range(16)]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        together = list(pool.map(
            lambda i: text_of(stub.Chat(chat(f"Say a number near {i}.", seed=i, max_tokens=24))), range(16)))
    assert together == alone


def test_many_calls_on_one_connection(stub):
    """More than one connection may have at a time: the rest wait, none fails."""
    calls = [stub.GetModel.future(models_pb2.GetModelRequest(id="smol")) for _ in range(400)]
    assert {call.result().id for call in calls} == {"smol"}


def test_metrics_and_rest_share_the_port(server, stub):
    list(stub.Chat(chat(max_tokens=2)))
    failure(lambda: stub.Chat(chat(n=0)))
    text = server.get("/metrics").text
    lines = [line for line in text.splitlines() if "/bowhead.v1.Bowhead/Chat" in line]
    assert any('status="200"' in line or 'code="200"' in line for line in lines), lines[:3]
    assert any('status="400"' in line or 'code="400"' in line for line in lines), lines[:3]


class Live:
    """A live conversation that a test drives."""

    def __init__(self, stub):
        self.queue, self.changed, self.closed = [], threading.Condition(), False
        self.call = stub.LiveChat(self._requests(), timeout=60)

    def _requests(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.queue or self.closed)
                if not self.queue:
                    return
                request = self.queue.pop(0)
            yield request

    def say(self, **action):
        with self.changed:
            self.queue.append(chat_pb2.LiveChatRequest(**action))
            self.changed.notify()

    def turn(self, text):
        self.say(turn=chat_pb2.LiveTurn(messages=[chat_pb2.Message(role="user", content=text)]))

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify()

    def answer(self):
        """The messages of one answer."""
        messages = []
        for message in self.call:
            messages.append(message)
            if message.HasField("usage"):
                break
        return messages


def test_live_conversation(server, stub):
    live = Live(stub)
    live.say(start=chat("My name is Ada. Say hello.", temperature=0, max_tokens=20))
    first = live.answer()
    live.turn("What is my name?")
    second = live.answer()
    assert first[0].head.id != second[0].head.id
    messages = [{"role": "user", "content": "My name is Ada. Say hello."},
                {"role": "assistant", "content": text_of(first)}, {"role": "user", "content": "What is my name?"}]
    rest = server.post("/v1/chat/completions", {"messages": messages, "temperature": 0, "max_tokens": 20}).json()
    assert text_of(second) == rest["choices"][0]["message"]["content"]
    assert second[-1].usage.cached_tokens > 0
    live.turn("And now two turns at once.")  # the second waits for the first
    live.turn("Go on.")
    assert live.answer() and live.answer()
    live.close()
    assert live.call.code() == grpc.StatusCode.OK


def test_live_interruption(server, stub):
    live = Live(stub)
    live.say(start=chat(**LONG))
    for _ in range(5):
        next(live.call)
    live.say(interrupt=chat_pb2.LiveInterrupt())
    end = live.answer()
    assert end[-1].choices[-1].finish_reason == answer_pb2.FINISH_REASON_INTERRUPTED
    assert end[-1].usage.completion_tokens < 4000
    server.wait_idle(5)
    live.say(interrupt=chat_pb2.LiveInterrupt())  # nothing to interrupt
    live.turn("Thank you.")
    next(live.call)
    live.call.cancel()
    server.wait_idle(5)


@pytest.mark.parametrize("first, what", [
    ({"turn": chat_pb2.LiveTurn()}, "start"),
    ({}, "start"),
    ({"start": chat(n=2)}, "'n'"),
    ({"start": chat_pb2.ChatRequest()}, "messages"),
])
def test_live_mistakes(stub, first, what):
    error = failure(lambda: stub.LiveChat(iter([chat_pb2.LiveChatRequest(**first)])))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and what in error.details()


def test_health(server):
    with channel_to(server) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for service in ("", "bowhead.v1.Bowhead"):
            assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == health_pb2.HealthCheckResponse.SERVING
        assert failure(lambda: health.Check(health_pb2.HealthCheckRequest(service="x"))).code() == grpc.StatusCode.NOT_FOUND


def test_keys(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("open-sesame-open-sesame ada\n")
    keys.chmod(0o600)
    server = start("--api-key-file", keys, wait=False)
    with channel_to(server) as channel:
        stub, health = bowhead_pb2_grpc.BowheadStub(channel), health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), wait_for_ready=True).status  # open, as /health is
        for metadata in ([], [("authorization", "Bearer wrong")], [("x-api-key", "")], [("authorization", "open-sesame-open-sesame")]):
            error = failure(lambda: stub.Chat(chat(), metadata=metadata))
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED
        states = health.Watch(health_pb2.HealthCheckRequest())
        while next(states).status != health_pb2.HealthCheckResponse.SERVING:
            pass
        for metadata in ([("authorization", "Bearer open-sesame-open-sesame")], [("x-api-key", "open-sesame-open-sesame")]):
            assert text_of(stub.Chat(chat(max_tokens=2), metadata=metadata))
        states.cancel()


def test_overload_says_when_to_come_back(start):
    server = start("--ctx", 1024, "--max-running", 1, "--max-queue", 1)
    with channel_to(server) as channel:
        stub, over = bowhead_pb2_grpc.BowheadStub(channel), queue.Queue()
        calls = [stub.Chat(chat("Count.", max_tokens=900, ignore_eos=True)) for _ in range(6)]
        for call in calls:
            call.add_done_callback(over.put)
        error = failure(lambda: over.get(timeout=60))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        delay = error_details_pb2.RetryInfo.FromString(details(error)["RetryInfo"].value).retry_delay
        assert delay.seconds >= 1
        for call in calls:
            call.cancel()


def test_drain(start):
    server = start("--drain-timeout", 20)
    with channel_to(server) as channel:
        stub, health = bowhead_pb2_grpc.BowheadStub(channel), health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        next(watch)
        live = Live(stub)
        live.say(start=chat(max_tokens=2))
        live.answer()
        running = stub.Chat(chat("Count to a hundred.", max_tokens=200, ignore_eos=True))
        head = next(running)
        began = time.monotonic()
        server.terminate()
        rest = list(running)  # it is answered to its end
        assert rest[-1].usage.completion_tokens == 200 and head.head.id
        assert failure(lambda: live.call).code() == grpc.StatusCode.UNAVAILABLE  # nobody waits for its client
        failure(lambda: watch)
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < 15
        live.close()


def test_shutdown_cuts_what_takes_too_long(start):
    server = start("--drain-timeout", 0.3)
    with channel_to(server) as channel:
        running = bowhead_pb2_grpc.BowheadStub(channel).Chat(chat(**LONG))
        next(running)
        server.terminate()
        assert failure(lambda: running).code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert server.process.wait(20) == 0
