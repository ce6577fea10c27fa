"""What every kind of model has in common: requests going in, events coming out."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .errors import InvalidRequest
from .types import (
    Answer,
    ChatParams,
    Chunk,
    FinishReason,
    Message,
    Messages,
    ModelInfo,
    Params,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

_CONSTRAINTS = ("json_schema", "json_object", "regex", "grammar", "choice")


@dataclass(frozen=True)
class Request:
    """Either a prompt (text or tokens) or messages, with checked parameters: `stop` is a list, `json_schema` is text,
    what is None is left out."""

    prompt: str | Sequence[int] | None
    messages: Sequence[Message] | None
    params: Mapping[str, Any]


def make_request(
    call: str, params: Mapping[str, Any], *, prompt: str | Sequence[int] | None = None, messages: Messages | None = None
) -> Request:
    """TypeError for a parameter that does not exist, as for any function."""
    known = Params.__annotations__ if messages is None else ChatParams.__annotations__
    for name in params:
        if name not in known:
            raise TypeError(f"{call}() got an unexpected keyword argument {name!r}")
    given = {name: value for name, value in params.items() if value is not None}
    for name in ("json_object",):
        if given.get(name) is False:
            del given[name]
    constraints = [name for name in _CONSTRAINTS if name in given]
    if len(constraints) > 1:
        raise InvalidRequest(f"an answer matches one of {', '.join(constraints)}; give one of them", param=constraints[1])
    if isinstance(given.get("stop"), str):
        given["stop"] = [given["stop"]]
    if "json_schema" in given:
        given["json_schema"] = _schema_text(given["json_schema"])
    if isinstance(messages, str):
        messages = [{"role": "user", "content": messages}]
    return Request(prompt, messages, given)


def _schema_text(schema: Any) -> str:
    if isinstance(schema, str):
        return schema
    if hasattr(schema, "model_json_schema"):
        schema = schema.model_json_schema()
    try:
        return json.dumps(schema)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"'json_schema' is no JSON: {error}", param="json_schema") from error


@dataclass
class Event:
    """One step of an answer. The last one has `end`."""

    chunk: Chunk = field(default_factory=Chunk)
    end: End | None = None


@dataclass(frozen=True)
class End:
    finish_reason: FinishReason
    usage: Usage
    time_to_first_token: float = 0.0
    decode_seconds: float = 0.0


class Source(Protocol):
    """A running request. Iterating blocks, and raises BowheadError; closing it cancels what still runs."""

    def __iter__(self) -> Iterator[Event]: ...

    def cancel(self) -> None:
        """Ends the request soon; its last event still comes. Any thread."""

    def close(self) -> None: ...


class AsyncSource(Protocol):
    def __aiter__(self) -> AsyncIterator[Event]: ...

    def cancel(self) -> None: ...

    def close(self) -> None: ...


class Backend(Protocol):
    """Where requests run: in this process, or on a server."""

    def info(self) -> ModelInfo: ...

    def start(self, request: Request) -> Source: ...

    def start_async(self, request: Request) -> AsyncSource: ...

    def run_all(self, requests: Sequence[Request]) -> list[Answer]: ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]: ...

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]: ...

    def detokenize(self, tokens: Sequence[int], special: bool) -> str: ...

    def count(self, request: Request) -> int: ...

    def close(self) -> None: ...


class Collector:
    """Puts an answer together from its events."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[list[str]] = []  # name, arguments
        self._logprobs: list[TokenLogprob] = []
        self.answer: Answer | None = None

    def add(self, event: Event) -> None:
        chunk = event.chunk
        self._text.append(chunk.text)
        self._reasoning.append(chunk.reasoning)
        self._logprobs.extend(chunk.logprobs)
        for delta in chunk.tool_calls:
            self._add_call(delta)
        if event.end is not None:
            self.answer = self._finish(event.end)

    def _add_call(self, delta: ToolCallDelta) -> None:
        while len(self._calls) <= delta.index:
            self._calls.append(["", ""])
        self._calls[delta.index][0] += delta.name
        self._calls[delta.index][1] += delta.arguments

    def _finish(self, end: End) -> Answer:
        return Answer(
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            tool_calls=tuple(ToolCall("call_" + uuid.uuid4().hex[:24], name, text) for name, text in self._calls),
            finish_reason=end.finish_reason,
            usage=end.usage,
            logprobs=tuple(self._logprobs),
            time_to_first_token=end.time_to_first_token,
            decode_seconds=end.decode_seconds,
        )


def collect(source: Source) -> Answer:
    """The whole answer of a running request. Whatever ends it early (Ctrl-C) cancels the request."""
    collector = Collector()
    try:
        for event in source:
            collector.add(event)
    finally:
        source.close()
    assert collector.answer is not None, "a request without an end"
    return collector.answer
