"""The installed package: what it answers, in process and over HTTP, alone and together with others."""
import asyncio
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import threading
import time
from importlib import resources
from pathlib import Path

import pytest

import bowhead

PROMPTS = [f"The number {i} is" for i in range(12)]
QUESTION = [{"role": "user", "content": "Name a colour."}]
LONG = {"max_tokens": 4000, "ignore_eos": True}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "maxLength": 20}, "size": {"type": "integer", "maximum": 99}},
          "required": ["city", "size"], "additionalProperties": False}


def wait_until(happens, seconds=30):
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def running(model):
    """Requests that the engine of a model in this process works on."""
    backend = model._backend
    with backend._use() as handle:
        return sum(backend.lib.get("model_get_int", handle, name) for name in (b"running", b"waiting"))


def test_the_wheel_has_what_it_needs():
    package = resources.files("bowhead")
    assert {"py.typed", "libbowhead.so", "__init__.py"} <= {entry.name for entry in package.iterdir()}
    assert bowhead.__version__ == "0.1.0"


def test_same_tokens_in_process_and_over_http(local, remote):
    for prompt in PROMPTS[:3]:
        here, there = (model.generate(prompt, max_tokens=16, temperature=0, logprobs=2) for model in (local, remote))
        assert here.text == there.text and here.finish_reason == there.finish_reason
        assert here.usage.completion_tokens == there.usage.completion_tokens > 3
        assert [one.text for one in here.logprobs] == [one.text for one in there.logprobs]
        assert [one.logprob for one in here.logprobs] == pytest.approx([one.logprob for one in there.logprobs], abs=1e-5)
    here, there = (model.chat(QUESTION, max_tokens=16, seed=7, temperature=0.8, logprobs=0) for model in (local, remote))
    assert here.text == there.text and here.usage.prompt_tokens == there.usage.prompt_tokens
    assert [one.text for one in here.logprobs] == [one.text for one in there.logprobs]


def test_answers(model):
    answer = model.generate("The capital of France is", max_tokens=5, temperature=0)
    assert str(answer) == answer.text and "Paris" in answer.text
    assert answer.finish_reason == "length" and answer.usage.completion_tokens == 5 and answer.usage.prompt_tokens == 5
    assert answer.time_to_first_token > 0
    first = model.chat("My name is Ada.", max_tokens=20, temperature=0)
    again = model.chat([{"role": "user", "content": "My name is Ada."}, first.message, *QUESTION], max_tokens=5, temperature=0)
    assert again.text and again.usage.prompt_tokens > first.usage.prompt_tokens
    assert model.chat("Say hello.", temperature=0, max_tokens=60).finish_reason == "stop"


def test_streams_are_the_answers(model):
    whole = model.chat(QUESTION, max_tokens=12, temperature=0)
    stream = model.stream_chat(QUESTION, max_tokens=12, temperature=0)
    chunks = list(stream)
    assert "".join(map(str, chunks)) == whole.text and len(chunks) > 3
    assert stream.answer == bowhead.Answer(whole.text, whole.finish_reason, stream.answer.usage)
    assert model.stream("One, two,", max_tokens=6, temperature=0).answer.text == model.generate(
        "One, two,", max_tokens=6, temperature=0).text


def test_a_stream_that_is_left_or_cancelled_ends(model, local):
    for chunk in model.stream("Once", **LONG):
        assert chunk.text
        break
    with model.stream("Once", **LONG) as stream:
        next(stream)
        stream.cancel()
        assert stream.answer.finish_reason == "cancelled"
    model.stream("Once", **LONG)  # never read
    wait_until(lambda: running(local) == 0)


def test_batch_equals_single(model):
    alone = [model.generate(prompt, max_tokens=8, seed=3, temperature=0.9).text for prompt in PROMPTS]
    assert [answer.text for answer in model.batch_generate(PROMPTS, max_tokens=8, seed=3, temperature=0.9)] == alone
    assert model.batch_generate([], max_tokens=1) == []
    talks = model.batch_chat([QUESTION, "Hello"], max_tokens=4, temperature=0)
    assert [answer.usage.completion_tokens for answer in talks] == [4, 4]


def test_more_prompts_than_the_engine_takes_at_once(local):
    answers = local.batch_generate(["One"] * 300, max_tokens=1, temperature=0)
    assert len(answers) == 300 and len({answer.text for answer in answers}) == 1


def test_threads(model):
    alone = [model.generate(prompt, max_tokens=8, temperature=0).text for prompt in PROMPTS]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        together = pool.map(lambda prompt: model.generate(prompt, max_tokens=8, temperature=0).text, PROMPTS)
        assert list(together) == alone


def test_asyncio(model):
    alone = [model.generate(prompt, max_tokens=8, temperature=0).text for prompt in PROMPTS]

    async def run():
        together = await asyncio.gather(*(model.agenerate(prompt, max_tokens=8, temperature=0) for prompt in PROMPTS))
        assert [answer.text for answer in together] == alone
        assert [answer.text for answer in await model.abatch_generate(PROMPTS, max_tokens=8, temperature=0)] == alone
        stream = model.astream_chat(QUESTION, max_tokens=6, temperature=0)
        text = "".join([str(chunk) async for chunk in stream])
        assert text == (await stream.answer()).text == (await model.achat(QUESTION, max_tokens=6, temperature=0)).text
        assert len(await model.aembed("a cat")) == 576
        with pytest.raises(bowhead.InvalidRequest, match="temperature"):
            await model.agenerate("x", temperature=9)
        with pytest.raises(bowhead.InvalidRequest, match="temperature"):
            await model.abatch_generate(["x", "y"], temperature=9)

    asyncio.run(run())


def test_a_cancelled_task_cancels_its_request(model, local):
    async def run():
        begun = asyncio.Event()

        async def read():
            async for _ in model.astream("Once", **LONG):
                begun.set()

        task = asyncio.create_task(read())
        await asyncio.wait_for(begun.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(model.agenerate("Once", **LONG), 0.2)

    asyncio.run(run())
    wait_until(lambda: running(local) == 0)


def test_sampling_stop_and_seed(model):
    stopped = model.generate("One, two, three,", max_tokens=40, temperature=0, stop=" six")
    assert " six" not in stopped.text and stopped.finish_reason == "stop"
    answers = {model.generate("Once", max_tokens=12, temperature=1.5, seed=seed).text for seed in (1, 1, 2)}
    assert len(answers) == 2
    biased = model.generate("The capital of France is", max_tokens=1, temperature=0,
                            logit_bias={model.tokenize(" Paris")[0]: -100})
    assert "Paris" not in biased.text


def test_structured_output(model):
    answer = model.chat("Describe a city.", json_schema=SCHEMA, max_tokens=80, temperature=0).parse()
    assert set(answer) == {"city", "size"} and isinstance(answer["size"], int)
    assert re.fullmatch(r"[0-9]{3}-[a-f]{2}", model.chat("A code.", regex=r"[0-9]{3}-[a-f]{2}", max_tokens=20).text)
    assert model.chat("Yes or no?", choice=["yes", "no"], max_tokens=10).text in ("yes", "no")
    assert isinstance(model.chat("JSON.", json_object=True, max_tokens=200, seed=1, temperature=0.3).text, str)
    with pytest.raises(bowhead.InvalidRequest) as caught:
        model.chat("x", json_schema={"type": "object", "minContains": "many"})
    assert caught.value.param in ("json_schema", "structured_outputs")


def test_tools_are_told_to_a_template_that_has_no_place_for_them(model):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    lengths = [model.chat(QUESTION, tools=tools, max_tokens=2, temperature=0).usage.prompt_tokens
               for tools in (None, [tool])]
    assert lengths[1] > lengths[0] + 50
    assert model.chat(QUESTION, tools=[tool], tool_choice="none", max_tokens=2, temperature=0).text


def test_tools_in_process(local, tmp_path):
    template = tmp_path / "hermes.jinja"
    template.write_text("""{%- if tools %}<|im_start|>system
# Tools in <tools></tools>; for each call return JSON within <tool_call></tool_call>: {{ tools | tojson }}<|im_end|>
{% endif %}{%- for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}{% if m.tool_calls %}{% for c in m.tool_calls %}<tool_call>
{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}
</tool_call>{% endfor %}{% endif %}<|im_end|>
{% endfor %}<|im_start|>assistant
""")
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    with bowhead.load_model("SmolLM2-135M-Instruct", chat_template=str(template), threads=1) as model:
        call = '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>'
        history = [*QUESTION, {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
            {"role": "tool", "tool_call_id": "1", "content": "sunny"}]
        assert model.count_tokens(history, tools=[tool]) > model.count_tokens(history)
        # The model is too small to call a tool by itself: its answer is repeated from the conversation.
        answer = model.chat([{"role": "user", "content": call}] * 6, tools=[tool], max_tokens=60, temperature=0)
        assert all(one.name and one.id for one in answer.tool_calls)
        assert (answer.finish_reason == "tool_calls") == bool(answer.tool_calls)
        with pytest.raises(bowhead.InvalidRequest) as caught:
            model.chat([*QUESTION, {"role": "tool", "tool_call_id": "9", "content": "x"}])
        assert caught.value.param == "messages[1].tool_call_id"


def test_vectors_and_tokens(model):
    cat, kitten = model.embed(["a cat", "a kitten"])
    assert sum(x * x for x in cat) == pytest.approx(1, abs=1e-3) and cat != kitten
    assert model.embed("a cat") == pytest.approx(cat, abs=1e-6)
    assert model.embed([]) == []
    tokens = model.tokenize("Hello wörld <|im_end|>")
    assert model.detokenize(tokens) == "Hello wörld <|im_end|>"
    assert len(model.tokenize("<|im_end|>", parse_special=True)) == 1
    assert model.count_tokens("Hello world") == 2
    assert model.info.context_length > 1000 and model.info.architecture == "llama"


@pytest.mark.parametrize("params, param", [
    ({"temperature": 3}, "temperature"), ({"top_p": 0}, "top_p"), ({"max_tokens": 0}, "max_tokens"),
    ({"stop": [""]}, "stop"), ({"top_k": -5}, "top_k"), ({"logprobs": 99}, None), ({"presence_penalty": 3}, "presence_penalty"),
    ({"logit_bias": {10**6: 1}}, "logit_bias"), ({"seed": "x"}, "seed"),
])
def test_wrong_parameters_are_named(model, params, param):
    with pytest.raises(bowhead.InvalidRequest) as caught:
        model.chat(QUESTION, **({"max_tokens": 4} | params))
    assert param in (None, caught.value.param)


def test_other_mistakes(model):
    with pytest.raises(TypeError, match="tempreature"):
        model.generate("x", tempreature=1)
    with pytest.raises(bowhead.InvalidRequest):
        model.generate("x", regex="a", grammar="b")
    with pytest.raises(bowhead.ContextTooLong, match="context"):
        model.generate("word " * 20000, max_tokens=4)
    with pytest.raises(bowhead.InvalidRequest):
        model.chat([])
    with pytest.raises(bowhead.InvalidRequest):
        model.chat([{"role": "robot", "content": "x"}])
    with pytest.raises(bowhead.InvalidRequest):
        model.batch_generate(["fine", ""], max_tokens=2)
    assert issubclass(bowhead.InvalidRequest, ValueError)


def test_loading_mistakes(tmp_path):
    with pytest.raises(bowhead.ModelNotFound, match="no such model"):
        bowhead.load_model("no such model")
    with pytest.raises(bowhead.ModelNotFound, match="does not exist"):
        bowhead.load_model(tmp_path / "none.gguf")
    garbage = tmp_path / "garbage.gguf"
    garbage.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(bowhead.InvalidModel):
        bowhead.load_model(garbage)
    for options, param in (({"device": "cuda"}, "device"), ({"kv_type": "f64"}, "kv_type"), ({"threads": -1}, "threads")):
        with pytest.raises(bowhead.InvalidRequest) as caught:
            bowhead.load_model("default", **options)
        assert caught.value.param == param


def test_progress_can_stop_the_load(local):
    seen = []
    bowhead.load_model("SmolLM2-135M-Instruct", progress=seen.append).close()
    assert seen and seen[-1] == 1.0

    def refuse(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bowhead.load_model("SmolLM2-135M-Instruct", progress=refuse)


def test_server_mistakes(url):
    with pytest.raises(bowhead.Unavailable):
        bowhead.connect("http://127.0.0.1:9")
    with pytest.raises(bowhead.InvalidRequest):
        bowhead.connect("ftp://x")
    with bowhead.connect(url, model="other") as model, pytest.raises(bowhead.ModelNotFound):
        model.chat(QUESTION)
    assert bowhead.load_model(url).info.name == "SmolLM2-135M-Instruct.Q4_1"


def test_a_closed_model_says_so(local):
    model = bowhead.load_model("SmolLM2-135M-Instruct", threads=1)
    failed = []

    def generate():
        try:
            failed.append(model.generate("Once", **LONG).finish_reason)
        except bowhead.BowheadError as error:
            failed.append(error)

    thread = threading.Thread(target=generate)
    thread.start()
    wait_until(lambda: running(model) == 1)
    model.close()
    thread.join(30)
    assert failed == ["cancelled"]
    model.close()
    for call in (lambda: model.generate("x"), lambda: model.tokenize("x"), lambda: model.embed("x"),
                 lambda: asyncio.run(model.agenerate("x"))):
        with pytest.raises(bowhead.Closed):
            call()


def test_the_interpreter_goes_on_while_the_model_works(local):
    local.generate("x", max_tokens=1)
    stop, counted = threading.Event(), [0]

    def count():
        while not stop.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.monotonic()
    local.generate(PROMPTS[0] * 200, max_tokens=1)
    elapsed = time.monotonic() - begin
    stop.set()
    thread.join()
    assert counted[0] > elapsed * 20


@pytest.mark.parametrize("where", ["local", "remote"])
def test_ctrl_c_ends_a_request(where, url, local):
    make = "bowhead.load_model('SmolLM2-135M-Instruct', threads=1)" if where == "local" else f"bowhead.connect({url!r})"
    code = f"import bowhead\nm = {make}\nfor c in m.stream('Once', max_tokens=1):\n    pass\nprint('begun', flush=True)\n" \
           "try:\n    m.generate('Once', max_tokens=8000, ignore_eos=True)\nexcept KeyboardInterrupt:\n    print('interrupted')\n" \
           "print(len(m.generate('Once', max_tokens=3, ignore_eos=True).text) > 0)\n"
    # Programs in the background start with the signal ignored, and hand that on.
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.3)  # somewhere in the middle of the request; anywhere would do
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=30)
    assert rest.split() == ["interrupted", "True"] and process.returncode == 0


def test_a_program_may_end_while_requests_run(local):
    code = "import asyncio, bowhead, os\nm = bowhead.load_model('SmolLM2-135M-Instruct', threads=1)\ns = m.stream('Once', max_tokens=4000)\n" \
           "next(s)\nasync def main():\n    a = m.astream('Once', max_tokens=4000)\n    await a.__anext__()\n    return a\n" \
           "kept = asyncio.run(main())\nprint('end')\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_a_forked_child_is_told(local):
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            local.generate("x")
        except bowhead.BowheadError as error:
            os.write(writer, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        assert "forked" in answer.read()


def test_twenty_loads_leave_no_memory_behind():
    code = """
import bowhead, gc
def resident():
    return int(open('/proc/self/statm').read().split()[1]) * 4096
sizes = []
for i in range(20):
    with bowhead.load_model('SmolLM2-135M-Instruct', threads=2, context_length=512) as m:
        m.batch_generate(['a', 'b'], max_tokens=4)
    gc.collect()
    sizes.append(resident())
print(max(sizes[10:]) - sizes[4], sizes[4])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    grown, size = map(int, done.stdout.split())
    assert grown < 8 << 20, f"{grown / 1e6:.1f} MB more after 15 loads, {size / 1e6:.1f} MB before"
    assert len(os.listdir("/proc/self/task")) < 64


def test_no_compiler_is_needed():
    """The tests' own PATH has none; see tools/run_tests.py."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    assert not any((Path(folder) / name).exists() for folder in path for name in ("cc", "gcc", "g++", "clang")) or \
        "BOWHEAD_LIBRARY" in os.environ
