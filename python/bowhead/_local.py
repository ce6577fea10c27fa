"""Models in this process, through libbowhead."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from ctypes import byref, c_char_p, c_float, c_int32, c_size_t, c_void_p
from typing import Any

from ._events import Collector, End, Event, Request
from ._library import (
    EVENT_CALL,
    EVENT_CALL_ARGUMENTS,
    EVENT_END,
    EVENT_REASONING,
    FINISH_ERROR,
    FINISH_REASONS,
    NEXT_EMPTY,
    NEXT_EVENT,
    NEXT_FAILED,
    CEvent,
    Library,
    Progress,
    library,
    make_error,
)
from .errors import BowheadError, Cancelled, Closed, InvalidModel, InvalidRequest, ResourceExhausted
from .types import Answer, Chunk, ModelInfo, TokenLogprob, ToolCallDelta, Usage

# Ctrl-C is noticed between two waits.
_WAIT_MS = 100
_EMBED_AT_ONCE = 16
_INTS = ("max_tokens", "top_k", "seed", "logprobs", "ignore_eos", "json_object", "enable_thinking")
_NUMBERS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
_TEXTS = ("json_schema", "regex", "grammar", "tool_choice")
_LISTS = ("stop", "choice")


def _int(name: str, value: Any) -> int:
    if not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise InvalidRequest(f"'{name}' must be a whole number, not {value!r}", param=name)
    return int(value)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidRequest(f"'{name}' must be a number, not {value!r}", param=name)
    return float(value)


def _text(name: str, value: Any) -> bytes:
    if not isinstance(value, str):
        raise InvalidRequest(f"'{name}' must be a text, not {value!r}", param=name)
    # A lone surrogate is no text in any encoding.
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"'{name}' is no valid text: {error}", param=name) from None


def _json(name: str, value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"'{name}' is no JSON: {error}", param=name) from None


class _Handle:
    """An object of the library, freed by its own function at the latest when the interpreter ends."""

    def __init__(self, lib: Library, kind: str, value: int | None) -> None:
        if not value:
            raise ResourceExhausted("out of memory")
        self.lib, self.kind = lib, kind
        self.value: int | None = value

    def free(self) -> None:
        value, self.value = self.value, None
        if value is not None:
            self.lib.get(self.kind + "_free", value)


def _new_request(lib: Library, request: Request) -> _Handle:
    handle = _Handle(lib, "request", lib.get("request_new"))
    try:
        _fill(lib, handle.value, request)
    except BaseException:
        handle.free()
        raise
    return handle


def _fill(lib: Library, handle: int | None, request: Request) -> None:
    if isinstance(request.prompt, str):
        text = _text("prompt", request.prompt)
        lib.call("request_set_prompt", handle, text, len(text))
    elif request.prompt is not None:
        tokens = [_int("prompt", token) for token in request.prompt]
        if any(not 0 <= token < 2**31 for token in tokens):
            raise InvalidRequest("tokens must be numbers of the model's vocabulary", param="prompt")
        lib.call("request_set_prompt_tokens", handle, (c_int32 * len(tokens))(*tokens), len(tokens))
    if request.messages is not None:
        text = _json("messages", list(request.messages))
        if request.messages:
            lib.call("request_set_text", handle, b"messages", text, len(text))
        else:
            raise InvalidRequest("'messages' is empty; give at least one message", param="messages")
    for name, value in request.params.items():
        key = name.encode()
        if name in _INTS:
            lib.call("request_set_int", handle, key, _int(name, value))
        elif name in _NUMBERS:
            lib.call("request_set_number", handle, key, _number(name, value))
        elif name in _TEXTS:
            text = _text(name, value)
            lib.call("request_set_text", handle, key, text, len(text))
        elif name in _LISTS:
            for item in value:
                text = _text(name, item)
                lib.call("request_add_text", handle, key, text, len(text))
        elif name == "tools":
            text = _json("tools", list(value))
            lib.call("request_set_text", handle, key, text, len(text))
        elif name == "logit_bias":
            _add_biases(lib, handle, value)
        else:
            raise InvalidRequest(f"'{name}' is not supported in this process", param=name)


def _add_biases(lib: Library, handle: int | None, biases: Mapping[int, float]) -> None:
    for token, bias in biases.items():
        if not 0 <= _int("logit_bias", token) < 2**31:
            raise InvalidRequest(f"'logit_bias' names token {token}, which no vocabulary has", param="logit_bias")
        lib.call("request_add_logit_bias", handle, token, _number("logit_bias", bias))


class _Reader:
    """Turns events of the library into those of this package."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self._event = CEvent()

    def next(self, queue: int | None, timeout_ms: int) -> tuple[int, int, Event | BowheadError | None]:
        """What the library says, the request's tag, and its event; an error is the last event of a request."""
        event = self._event
        event.size = ctypes.sizeof(CEvent)
        found = self._backend.lib.get("queue_next", queue, timeout_ms, byref(event))
        if found == NEXT_FAILED:
            raise ResourceExhausted("out of memory")
        if found != NEXT_EVENT:
            return found, 0, None
        return found, event.tag, self._read(event)

    def _read(self, event: CEvent) -> Event | BowheadError:
        text = ctypes.string_at(event.text, event.text_length).decode("utf-8", "replace") if event.text_length else ""
        if event.kind == EVENT_END:
            if event.finish_reason == FINISH_ERROR:
                return make_error(event.error_code, text)
            usage = Usage(event.prompt_tokens, event.completion_tokens, event.cached_tokens, event.reasoning_tokens)
            reason: Any = FINISH_REASONS[event.finish_reason]
            return Event(end=End(reason, usage, event.first_token_seconds, event.decode_seconds))
        logprobs = tuple(self._logprob(event, i) for i in range(event.num_tokens))
        if event.kind == EVENT_REASONING:
            return Event(Chunk(reasoning=text, logprobs=logprobs))
        if event.kind == EVENT_CALL:
            return Event(Chunk(tool_calls=(ToolCallDelta(event.index, name=text),), logprobs=logprobs))
        if event.kind == EVENT_CALL_ARGUMENTS:
            return Event(Chunk(tool_calls=(ToolCallDelta(event.index, arguments=text),), logprobs=logprobs))
        return Event(Chunk(text=text, logprobs=logprobs))

    def _logprob(self, event: CEvent, i: int) -> TokenLogprob:
        piece, width = self._backend.piece, event.num_top
        top = tuple(
            (piece(event.top_tokens[k]), event.top_logprobs[k])
            for k in range(i * width, (i + 1) * width)
            if event.top_tokens[k] >= 0
        )
        return TokenLogprob(piece(event.tokens[i]), event.logprobs[i], top, event.tokens[i])


class LocalSource:
    """A request in a queue of its own."""

    def __init__(self, backend: LocalBackend, request: Request) -> None:
        self._backend = backend
        self._reader = _Reader(backend)
        self._queue = backend.new_queue()
        try:
            backend.submit(self._queue, request, 0)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Event]:
        while self._queue.value is not None:
            found, _, event = self._reader.next(self._queue.value, _WAIT_MS)
            if isinstance(event, BowheadError):
                raise event
            if event is not None:
                yield event
            elif found == NEXT_EMPTY:
                return

    def cancel(self) -> None:
        self._backend.cancel_queue(self._queue)

    def close(self) -> None:
        self._backend.free_queue(self._queue)

    def __del__(self) -> None:
        if hasattr(self, "_queue"):
            self.close()


class _Pump:
    """A thread that hands the events of a lasting queue to the event loops that wait for them."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self._queue = backend.new_queue()
        self._changed = threading.Condition()
        self._sinks: dict[int, Callable[[Event | BowheadError], None]] = {}
        self._next_tag = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="bowhead-events", daemon=True)
        self._thread.start()

    def submit(self, request: Request, sink: Callable[[Event | BowheadError], None]) -> int:
        with self._changed:
            tag = self._next_tag
            self._next_tag += 1
            self._sinks[tag] = sink
        try:
            self._backend.submit(self._queue, request, tag)
        except BaseException:
            with self._changed:
                del self._sinks[tag]
            raise
        with self._changed:
            self._changed.notify()
        return tag

    def cancel(self, tag: int) -> None:
        with self._changed:
            if not self._closed:
                self._backend.lib.get("queue_cancel", self._queue.value, tag)

    def close(self) -> None:
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._backend.lib.get("queue_cancel_all", self._queue.value)
            self._changed.notify()
        self._thread.join()
        self._backend.free_queue(self._queue)

    def _run(self) -> None:
        reader = _Reader(self._backend)
        while True:
            found, tag, event = reader.next(self._queue.value, _WAIT_MS)
            if event is not None:
                self._deliver(tag, event)
            elif found == NEXT_EMPTY:
                with self._changed:
                    if self._closed:
                        return
                    if not self._sinks:
                        self._changed.wait()

    def _deliver(self, tag: int, event: Event | BowheadError) -> None:
        last = isinstance(event, BowheadError) or event.end is not None
        with self._changed:
            sink = self._sinks.pop(tag) if last else self._sinks[tag]
        try:
            sink(event)
        except RuntimeError:  # the event loop is closed: nobody waits any more
            self._backend.lib.get("queue_cancel", self._queue.value, tag)


class AsyncLocalSource:
    """A request in the queue that all event loops share."""

    def __init__(self, pump: _Pump, request: Request) -> None:
        self._pump = pump
        self._events: asyncio.Queue[Event | BowheadError] = asyncio.Queue()
        self._ended = False
        loop = asyncio.get_running_loop()
        self._tag = pump.submit(request, lambda event: self._pass_on(loop, event))

    def _pass_on(self, loop: asyncio.AbstractEventLoop, event: Event | BowheadError) -> None:
        loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while not self._ended:
            event = await self._events.get()
            self._ended = isinstance(event, BowheadError) or event.end is not None
            if isinstance(event, BowheadError):
                raise event
            yield event

    def cancel(self) -> None:
        if not self._ended:
            self._pump.cancel(self._tag)

    close = cancel


class LocalBackend:
    """One loaded model. Thread-safe."""

    def __init__(self, name_or_path: str, options: Mapping[str, int | str], progress: Callable[[float], Any] | None) -> None:
        self.lib = library()
        self._lock = threading.RLock()  # a source may be collected, and close itself, anywhere
        self._unused = threading.Condition(self._lock)
        self._uses = 0  # calls that have the library's handle now
        self._pump: _Pump | None = None
        self._queues: set[_Handle] = set()
        self._pieces: dict[int, str] = {}
        self._pid = os.getpid()
        self._model = _Handle(self.lib, "model", _load(self.lib, name_or_path, options, progress))
        self._info = self._read_info()

    @contextlib.contextmanager
    def _use(self) -> Iterator[int]:
        """The library's handle, which is not freed meanwhile."""
        with self._lock:
            model = self._check()
            self._uses += 1
        try:
            yield model
        finally:
            with self._lock:
                self._uses -= 1
                self._unused.notify_all()

    def _check(self) -> int:
        if self._pid != os.getpid():
            raise BowheadError("this model was loaded before the process forked; load it again in the child")
        value = self._model.value
        if value is None:
            raise Closed("the model has been closed")
        return value

    def _read_info(self) -> ModelInfo:
        with self._use() as model:
            texts: dict[str, Any] = {
                name: (self.lib.get("model_get_string", model, name.encode()) or b"").decode("utf-8", "replace")
                for name in ("name", "architecture", "quantization", "isa", "tokenizer")
            }
            numbers: dict[str, Any] = {
                name: self.lib.get("model_get_int", model, name.encode())
                for name in ("parameters", "file_bytes", "context_length", "vocab_size", "embedding_length", "threads")
            }
        return ModelInfo(**texts, **numbers)

    def info(self) -> ModelInfo:
        return self._info

    def new_queue(self) -> _Handle:
        with self._lock:
            value = c_void_p()
            self.lib.call("queue_new", self._check(), byref(value))
            queue = _Handle(self.lib, "queue", value.value)
            self._queues.add(queue)
            return queue

    def free_queue(self, queue: _Handle) -> None:
        with self._lock:
            self._queues.discard(queue)
        queue.free()

    def cancel_queue(self, queue: _Handle) -> None:
        with self._lock:
            if queue in self._queues:
                self.lib.get("queue_cancel_all", queue.value)

    def submit(self, queue: _Handle, request: Request, tag: int) -> None:
        with self._lock:
            self._check()
        handle = _new_request(self.lib, request)
        try:
            self.lib.call("queue_submit", queue.value, handle.value, tag)
        finally:
            handle.free()

    def start(self, request: Request) -> LocalSource:
        return LocalSource(self, request)

    def start_async(self, request: Request) -> AsyncLocalSource:
        with self._lock:
            self._check()
            pump = self._pump
        if pump is None:
            fresh = _Pump(self)
            with self._lock:
                pump = self._pump = self._pump or fresh
            if pump is not fresh:
                fresh.close()
        return AsyncLocalSource(pump, request)

    def run_all(self, requests: Sequence[Request]) -> list[Answer]:
        """All requests in one batch of the engine."""
        reader, queue = _Reader(self), self.new_queue()
        collectors = [Collector() for _ in requests]
        try:
            for tag, request in enumerate(requests):
                self.submit(queue, request, tag)
            while True:
                found, tag, event = reader.next(queue.value, _WAIT_MS)
                if isinstance(event, BowheadError):
                    raise event
                if event is not None:
                    collectors[tag].add(event)
                elif found == NEXT_EMPTY:
                    break
        finally:
            self.free_queue(queue)
        answers = [collector.answer for collector in collectors]
        return [answer for answer in answers if answer is not None]

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        vectors: list[list[float]] = []
        for begin in range(0, len(texts), _EMBED_AT_ONCE):
            vectors += self._embed_some([_text("texts", text) for text in texts[begin : begin + _EMBED_AT_ONCE]])
        return vectors

    def _embed_some(self, texts: list[bytes]) -> list[list[float]]:
        size, count = self._info.embedding_length, len(texts)
        out = (c_float * (size * count))()
        lengths = (c_size_t * count)(*map(len, texts))
        with self._use() as model:
            self.lib.call("embed", model, (c_char_p * count)(*texts), lengths, count, out, None)
        return [out[i * size : (i + 1) * size] for i in range(count)]

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        data = _text("text", text)
        capacity, count = len(data) + 16, c_size_t()
        flags = (1 if add_special else 0) + (2 if parse_special else 0)
        while True:
            out = (c_int32 * capacity)()
            with self._use() as model:
                self.lib.call("tokenize", model, data, len(data), flags, out, capacity, byref(count))
            if count.value <= capacity:
                return out[: count.value]
            capacity = count.value

    def detokenize(self, tokens: Sequence[int], special: bool) -> str:
        ids = [_int("tokens", token) for token in tokens]
        if any(not 0 <= token < 2**31 for token in ids):
            raise InvalidRequest("tokens must be numbers of the model's vocabulary", param="tokens")
        data = (c_int32 * len(ids))(*ids)
        capacity, length = 8 * len(ids) + 64, c_size_t()
        while True:
            out = ctypes.create_string_buffer(capacity)
            with self._use() as model:
                self.lib.call("detokenize", model, data, len(ids), int(special), out, capacity, byref(length))
            if length.value <= capacity:
                return out.raw[: length.value].decode("utf-8", "replace")
            capacity = length.value

    def piece(self, token: int) -> str:
        """The spelling of one token."""
        text = self._pieces.get(token)
        if text is None:
            text = self._pieces[token] = self.detokenize([token], True)
        return text

    def count(self, request: Request) -> int:
        handle, count = _new_request(self.lib, request), c_size_t()
        try:
            with self._use() as model:
                self.lib.call("count_tokens", model, handle.value, byref(count))
        finally:
            handle.free()
        return count.value

    def close(self) -> None:
        """Cancels what runs and frees the memory as soon as it has ended."""
        if self._pid != os.getpid():  # the threads that would answer are in the parent
            return
        with self._lock:
            pump, self._pump = self._pump, None
        if pump is not None:
            pump.close()
        with self._lock:
            for queue in self._queues:
                self.lib.get("queue_cancel_all", queue.value)
            while self._uses:
                self._unused.wait()
            self._model.free()


def _load(
    lib: Library, name_or_path: str, options: Mapping[str, int | str], progress: Callable[[float], Any] | None
) -> int | None:
    handle = _Handle(lib, "options", lib.get("options_new"))
    raised: list[BaseException] = []

    def on_progress(fraction: float, _: int | None) -> int:
        # Ctrl-C arrives here as an exception too; it must not be lost in the library.
        try:
            if progress is not None:
                progress(fraction)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)
        return int(bool(raised))

    callback = Progress(on_progress)
    model = c_void_p()
    try:
        for name, value in options.items():
            if isinstance(value, str):
                lib.call("options_set_string", handle.value, name.encode(), value.encode())
            else:
                lib.call("options_set_int", handle.value, name.encode(), _int(name, value))
        lib.get("options_set_progress", handle.value, callback, None)
        lib.call("load", os.fsencode(name_or_path), handle.value, byref(model))
    except Cancelled:
        if raised:
            raise raised[0] from None
        raise
    except InvalidRequest as error:
        if error.param is None:
            raise InvalidModel(str(error)) from None
        raise
    finally:
        handle.free()
    return model.value
