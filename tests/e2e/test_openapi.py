"""The document at /openapi.json against the real server: requests made from it, and streams held to its schemas."""
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from conftest import events

# Valid requests may still be refused for what no schema says: a name of a model, a length of context, an expression.
EXCLUDED = "positive_data_acceptance"
FULL_SECONDS = int(os.environ.get("BOWHEAD_FULL_SECONDS", "3600"))


@pytest.fixture(scope="module")
def small(request):
    """A server whose answers are short."""
    from conftest import Server
    running = Server("--ctx", 512, "--max-tokens-cap", 8)
    yield running
    assert running.process.poll() is None, "the server died: " + "".join(running.log[-20:])
    assert running.stop() == 0


def schemathesis(url, tmp_path, seconds, *flags):
    """Fails with what schemathesis found."""
    tool = Path(sys.executable).with_name("schemathesis")
    found = subprocess.run([tool, "run", url + "/openapi.json", "--max-time", str(seconds), "--exclude-checks", EXCLUDED,
                            "--continue-on-failure", "--warnings", "off", "--request-timeout", "60", "--no-color", *flags],
                           cwd=tmp_path, capture_output=True, text=True, timeout=seconds + 120)
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]


def test_requests_from_the_document(small, tmp_path):
    schemathesis(small.url, tmp_path, 30, "--seed", "1", "--no-shrink", "-n", "40")


@pytest.mark.full
def test_many_requests_from_the_document(small, tmp_path):
    schemathesis(small.url, tmp_path, FULL_SECONDS)


def checker(server, schema):
    document = server.get("/openapi.json").json()
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})


HELLO = [{"role": "user", "content": "Say hello."}]
STREAMS = {
    "/v1/chat/completions": {"messages": HELLO, "max_tokens": 5, "n": 2, "logprobs": True, "top_logprobs": 2,
                             "stream_options": {"include_usage": True}},
    "/v1/completions": {"prompt": "Once", "max_tokens": 5, "logprobs": 2, "stream_options": {"include_usage": True}},
    "/v1/responses": {"input": "Say hello.", "max_output_tokens": 5},
    "/v1/messages": {"messages": HELLO, "max_tokens": 5},
    "/api/chat": {"model": "default", "messages": HELLO, "options": {"num_predict": 5}},
    "/api/generate": {"model": "default", "prompt": "Hello", "options": {"num_predict": 5}},
}


@pytest.mark.parametrize("path", STREAMS)
def test_streams_are_as_the_document_says(small, path):
    content = small.get("/openapi.json").json()["paths"][path]["post"]["responses"]["200"]["content"]
    kind, described = next((k, v) for k, v in content.items() if "x-bowhead-event" in v)
    check = checker(small, described["x-bowhead-event"]["$ref"].rsplit("/", 1)[1])
    response = small.post(path, STREAMS[path] | {"stream": True})
    assert response.status_code == 200 and response.headers["content-type"].startswith(kind)
    lines = [line for line in response.text.splitlines() if line.startswith(("data: {", "{"))]
    assert len(lines) > 2
    for line in lines:
        check.validate(json.loads(line.removeprefix("data: ")))


def test_the_document_names_every_parameter_that_is_refused(small):
    schemas = small.get("/openapi.json").json()["components"]["schemas"]
    for schema, path, base in (("ChatRequest", "/v1/chat/completions", STREAMS["/v1/chat/completions"]),
                               ("ResponseRequest", "/v1/responses", STREAMS["/v1/responses"]),
                               ("AnthropicRequest", "/v1/messages", STREAMS["/v1/messages"]),
                               ("OllamaGenerateRequest", "/api/generate", STREAMS["/api/generate"])):
        refused = [name for name, row in schemas[schema]["properties"].items() if row["x-bowhead"] == "refused"]
        assert refused
        base = {key: value for key, value in base.items() if key != "stream_options"}
        for name in refused:
            assert small.post(path, base | {name: "x"}).status_code == 400, (path, name)
            assert small.post(path, base | {name: None, "stream": False}).status_code == 200, (path, name)
