"""What goes in and what comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, Union

FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]

#: A message as OpenAI has it: {"role": "user", "content": "Hello"}, with tool calls and results too.
Message = Mapping[str, Any]
#: A conversation; a string is one message of the user.
Messages = Union[str, Sequence[Message]]
#: A JSON schema: a dict, its text, or a class with `model_json_schema()` (a pydantic model).
Schema = Union[Mapping[str, Any], str, type]


class Params(TypedDict, total=False):
    """How to generate. What is left out is as the model would have it: temperature 1, no limits but the context."""

    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    typical_p: float
    repeat_penalty: float
    presence_penalty: float
    frequency_penalty: float
    seed: int
    stop: str | Sequence[str]
    logprobs: int
    logit_bias: Mapping[int, float]
    ignore_eos: bool
    json_schema: Schema
    json_object: bool
    regex: str
    grammar: str
    choice: Sequence[str]


class ChatParams(Params, total=False):
    """The same, and what only conversations have."""

    tools: Sequence[Mapping[str, Any]]
    tool_choice: str
    enable_thinking: bool


@dataclass(frozen=True)
class Usage:
    """Tokens of a request. `cached_tokens` of the prompt were computed earlier; `reasoning_tokens` are part of the
    completion."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class ToolCall:
    """The model wants a tool to be called. `arguments` is the JSON text that it wrote."""

    id: str
    name: str
    arguments: str

    def parse(self) -> Any:
        """The arguments as an object. ValueError if what the model wrote is no JSON."""
        return json.loads(self.arguments)


@dataclass(frozen=True)
class TokenLogprob:
    """A token of an answer, its log probability, and the likeliest alternatives with theirs.

    id: the token's number; None from a server.
    """

    text: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    id: int | None = None


@dataclass(frozen=True)
class Chunk:
    """What is new in an answer; str(chunk) is its text. Of a call, the first chunk has its name, and each some of its
    arguments."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class ToolCallDelta:
    """A piece of the call number `index`."""

    index: int
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True)
class Answer:
    """A whole answer; str(answer) is its text.

    reasoning: what the model thought before it answered, or "".
    finish_reason: "stop" (the model ended it, or a stop text did), "length", "tool_calls" or "cancelled".
    logprobs: of the answer's tokens, if they were asked for.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    time_to_first_token: float = field(default=0.0, compare=False)
    """Seconds."""
    decode_seconds: float = field(default=0.0, compare=False)
    """From the first token to the last."""

    def __str__(self) -> str:
        return self.text

    def parse(self) -> Any:
        """The text as JSON, for answers that had to be JSON."""
        return json.loads(self.text)

    @property
    def message(self) -> dict[str, Any]:
        """The answer as a message, to go on with the conversation."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.tool_calls:
            message["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        return message


@dataclass(frozen=True)
class ModelInfo:
    """Facts about a loaded model. A server that is not Bowhead's tells only the name."""

    name: str
    architecture: str = ""
    quantization: str = ""
    parameters: int = 0
    file_bytes: int = 0
    context_length: int = 0
    vocab_size: int = 0
    embedding_length: int = 0
    isa: str = ""
    threads: int = 0
    tokenizer: str = ""
