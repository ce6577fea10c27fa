"""Models on a server, over HTTP with the standard library."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import Any
from urllib.parse import urlsplit

from ._events import End, Event, Request, collect
from .errors import (
    AuthenticationError,
    BowheadError,
    Closed,
    ContextTooLong,
    InternalError,
    InvalidRequest,
    ModelNotFound,
    ResourceExhausted,
    Unavailable,
)
from .types import Answer, Chunk, ModelInfo, TokenLogprob, ToolCallDelta, Usage

_BATCH_THREADS = 32
_LONGEST_RETRY_WAIT = 30.0
_CONSTRAINTS = {"json_schema": "json", "regex": "regex", "grammar": "grammar", "choice": "choice"}


def error_of(status: int, body: Mapping[str, Any], retry_after: float | None = None) -> BowheadError:
    """The exception for an error in OpenAI's shape."""
    error = body.get("error")
    detail: Mapping[str, Any] = error if isinstance(error, dict) else {"message": str(error or body or "no message")}
    message, param, code = str(detail.get("message")), detail.get("param"), detail.get("code")
    if status in (401, 403):
        return AuthenticationError(message)
    if status == 404:
        return ModelNotFound(message) if code == "model_not_found" else InvalidRequest(message, param=param)
    if status == 429:
        return ResourceExhausted(message, retry_after=retry_after)
    if status in (503, 504):
        return Unavailable(message)
    if status >= 500:
        return InternalError(message)
    if code == "context_length_exceeded":
        return ContextTooLong(message, param=param)
    return InvalidRequest(message, param=param)


class Server:
    """Where to find a server. Each call has a connection of its own. Thread-safe."""

    def __init__(self, url: str, api_key: str | None, timeout: float, max_retries: int, tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest(f"{url!r} is no URL of a server; it looks like http://127.0.0.1:8080", param="url")
        self._host, self._port, self._secure = parts.hostname, parts.port, parts.scheme == "https"
        self._prefix = parts.path.rstrip("/").removesuffix("/v1")
        self._timeout, self._max_retries = timeout, max_retries
        self._tls = tls or (ssl.create_default_context() if self._secure else None)
        self._headers = {"User-Agent": "bowhead-python", "Accept": "application/json, text/event-stream"}
        if api_key:
            self._headers["Authorization"] = "Bearer " + api_key
        self.url = url

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)

    def send(self, method: str, path: str, body: Any = None) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """A good answer's head, its body still to be read. Waits and tries again where the server asks for it."""
        try:
            data = None if body is None else json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError) as mistake:
            raise InvalidRequest(f"the request cannot be written as JSON: {mistake}") from None
        headers = self._headers | ({"Content-Type": "application/json"} if data is not None else {})
        for attempt in range(self._max_retries + 1):
            connection = self._connect()
            try:
                connection.request(method, self._prefix + path, data, headers)
                response = connection.getresponse()
                if response.status < 400:
                    return connection, response
                error = self._read_error(response)
            except (OSError, http.client.HTTPException) as cause:
                connection.close()
                raise Unavailable(f"{self.url} does not answer: {cause}") from cause
            except BaseException:
                connection.close()
                raise
            connection.close()
            pause = getattr(error, "retry_after", None)
            if response.status not in (429, 503) or attempt == self._max_retries:
                raise error
            time.sleep(min(pause or 2.0**attempt, _LONGEST_RETRY_WAIT))
        raise AssertionError("unreachable")

    def _read_error(self, response: http.client.HTTPResponse) -> BowheadError:
        try:
            body = json.loads(response.read())
        except ValueError:
            body = {}
        after = response.headers.get("Retry-After", "")
        return error_of(response.status, body if isinstance(body, dict) else {}, float(after) if after.isdigit() else None)

    def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """A whole answer in JSON."""
        connection, response = self.send(method, path, body)
        try:
            answer = json.loads(response.read())
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self.url} broke off: {error}") from error
        except ValueError:
            raise InternalError(f"{self.url} answered with something that is no JSON") from None
        finally:
            connection.close()
        if not isinstance(answer, dict):
            raise InternalError(f"{self.url} answered with something that is no JSON object")
        return answer


def _body(request: Request, model: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a request. What the server does not know it will refuse by name."""
    body: dict[str, Any] = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    chat = request.messages is not None
    if chat:
        body["messages"] = request.messages
    else:
        body["prompt"] = request.prompt
    for name, value in request.params.items():
        if name in _CONSTRAINTS:
            if name == "json_schema":
                try:
                    value = json.loads(value)
                except ValueError as error:
                    raise InvalidRequest(f"'json_schema' is no JSON: {error}", param=name) from None
            body["structured_outputs"] = {_CONSTRAINTS[name]: value}
        elif name == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif name == "enable_thinking":
            body["chat_template_kwargs"] = {"enable_thinking": value}
        elif name == "logprobs" and chat:
            if value >= 0:
                body |= {"logprobs": True, "top_logprobs": value}
        elif name == "logprobs":
            if value >= 0:
                body["logprobs"] = value
        elif name == "logit_bias":
            body["logit_bias"] = {str(token): bias for token, bias in value.items()}
        else:
            body[name] = value
    if not chat and "max_tokens" not in body:
        raise InvalidRequest("'max_tokens' is needed to continue a prompt on a server", param="max_tokens")
    return ("/v1/chat/completions" if chat else "/v1/completions"), body


class RemoteSource:
    """A streamed answer. Closing it closes the connection, which cancels the request on the server."""

    def __init__(self, backend: RemoteBackend, request: Request) -> None:
        self._backend = backend
        self._cancelled = False
        path, body = _body(request, backend.model)
        self._connection, self._response = backend.server.send("POST", path, body)
        backend.add(self)

    def __iter__(self) -> Iterator[Event]:
        reader = _StreamReader()
        try:
            for data in self._events():
                yield from reader.read(data)
        except (OSError, ValueError, http.client.HTTPException, AttributeError) as error:
            # A connection that another thread closes under a read fails in one of these ways.
            if not self._cancelled:
                raise Unavailable(f"{self._backend.server.url} broke off: {error}") from error
        finally:
            self.close()
        if self._cancelled:
            yield Event(end=End("cancelled", reader.usage))
        elif reader.finish is None:
            raise Unavailable(f"{self._backend.server.url} broke off in the middle of an answer")
        else:
            yield reader.end()

    def _events(self) -> Iterator[dict[str, Any]]:
        for line in self._response:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            yield json.loads(data)

    def cancel(self) -> None:
        self._cancelled = True
        sock = self._connection.sock
        if sock is None:  # the response owns the socket of a connection that is not kept
            sock = getattr(getattr(getattr(self._response, "fp", None), "raw", None), "_sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._backend.remove(self)
        self._response.close()
        self._connection.close()

    def __del__(self) -> None:
        if hasattr(self, "_response"):
            self.close()


class _StreamReader:
    """Reads the chunks of both of OpenAI's streams."""

    def __init__(self) -> None:
        self.finish: str | None = None
        self.usage = Usage()
        self._timings: Mapping[str, Any] = {}

    def read(self, data: dict[str, Any]) -> Iterator[Event]:
        if "error" in data:
            code = data["error"].get("code") if isinstance(data["error"], dict) else None
            raise error_of(503 if code == "unavailable" else 500, data)
        if usage := data.get("usage"):
            self._take_usage(usage)
        self._timings = data.get("bowhead") or self._timings
        for choice in data.get("choices") or ():
            self.finish = choice.get("finish_reason") or self.finish
            chunk = _read_choice(choice)
            if chunk != Chunk():
                yield Event(chunk)

    def _take_usage(self, usage: Mapping[str, Any]) -> None:
        prompt, completion = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
        self.usage = Usage(
            usage.get("prompt_tokens", 0),
            usage.get("completion_tokens", 0),
            prompt.get("cached_tokens") or 0,
            completion.get("reasoning_tokens") or 0,
        )

    def end(self) -> Event:
        reason: Any = self.finish
        first, decode = self._timings.get("time_to_first_token_ms", 0.0), self._timings.get("decode_ms", 0.0)
        return Event(end=End(reason, self.usage, first / 1e3, decode / 1e3))


def _read_choice(choice: Mapping[str, Any]) -> Chunk:
    delta = choice.get("delta")
    if delta is None:
        return Chunk(text=choice.get("text") or "", logprobs=_completion_logprobs(choice.get("logprobs") or {}))
    calls = tuple(
        ToolCallDelta(
            call.get("index", 0),
            (call.get("function") or {}).get("name") or "",
            (call.get("function") or {}).get("arguments") or "",
        )
        for call in delta.get("tool_calls") or ()
    )
    logprobs = tuple(
        TokenLogprob(
            token["token"], token["logprob"], tuple((t["token"], t["logprob"]) for t in token.get("top_logprobs") or ())
        )
        for token in (choice.get("logprobs") or {}).get("content") or ()
    )
    return Chunk(delta.get("content") or "", delta.get("reasoning_content") or "", calls, logprobs)


def _completion_logprobs(logprobs: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    tokens, values = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    return tuple(
        TokenLogprob(token, value, tuple((top or {}).items())) for token, value, top in zip(tokens, values, tops)
    )


class AsyncRemoteSource:
    """A streamed answer that a thread of its own reads for an event loop."""

    def __init__(self, backend: RemoteBackend, request: Request) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        self._lock = threading.Lock()
        self._source: RemoteSource | None = None
        self._cancelled = False
        self._ended = False
        threading.Thread(target=self._run, args=(backend, request), name="bowhead-http", daemon=True).start()

    def _run(self, backend: RemoteBackend, request: Request) -> None:
        try:
            source = backend.start(request)
            with self._lock:
                self._source = source
                if self._cancelled:
                    source.cancel()
            for event in source:
                self._put(event)
            self._put(None)
        except BaseException as error:  # noqa: BLE001  the one who waits raises it
            self._put(error)

    def _put(self, event: Event | BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        while not self._ended:
            event = await self._events.get()
            self._ended = not isinstance(event, Event)
            if isinstance(event, BaseException):
                raise event
            if event is not None:
                yield event

    def cancel(self) -> None:
        with self._lock:
            if self._ended or self._cancelled:
                return
            self._cancelled = True
            if self._source is not None:
                self._source.cancel()

    close = cancel


class RemoteBackend:
    """One model of a server. Thread-safe."""

    def __init__(self, server: Server, model: str | None) -> None:
        self.server = server
        self._lock = threading.RLock()  # a source may be collected, and close itself, anywhere
        self._running: weakref.WeakSet[RemoteSource] = weakref.WeakSet()
        self._closed = False
        self._info = self._find(model)
        self.model = model or self._info.name

    def _find(self, model: str | None) -> ModelInfo:
        listed = self.server.call("GET", "/v1/models").get("data") or []
        found = [entry for entry in listed if model in (None, entry.get("id"), (entry.get("bowhead") or {}).get("name"))]
        # A server knows more names than it lists; a wrong one it refuses with the first request.
        entry = (found or listed or [{}])[0]
        facts = entry.get("bowhead") or {}
        known = {name: facts[name] for name in ModelInfo.__dataclass_fields__ if facts.get(name) and name != "name"}
        return ModelInfo(name=entry.get("id") or model or "default", **known)

    def add(self, source: RemoteSource) -> None:
        with self._lock:
            self._running.add(source)

    def remove(self, source: RemoteSource) -> None:
        with self._lock:
            self._running.discard(source)

    def _check(self) -> None:
        if self._closed:
            raise Closed("the model has been closed")

    def info(self) -> ModelInfo:
        return self._info

    def start(self, request: Request) -> RemoteSource:
        self._check()
        return RemoteSource(self, request)

    def start_async(self, request: Request) -> AsyncRemoteSource:
        self._check()
        return AsyncRemoteSource(self, request)

    def run_all(self, requests: Sequence[Request]) -> list[Answer]:
        """So many at a time as the server has places for in its batch."""
        self._check()
        if not requests:
            return []
        pool = ThreadPoolExecutor(min(_BATCH_THREADS, len(requests)), thread_name_prefix="bowhead-http")
        mine: set[RemoteSource] = set()
        stopped = threading.Event()

        def run(request: Request) -> Answer:
            source = self.start(request)
            mine.add(source)
            if stopped.is_set():
                source.cancel()
            return collect(source)

        futures: list[Future[Answer]] = [pool.submit(run, request) for request in requests]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
            return [future.result() for future in futures]
        finally:
            stopped.set()
            for future in futures:
                future.cancel()
            for source in list(mine):
                source.cancel()
            pool.shutdown()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self._check()
        answer = self.server.call("POST", "/v1/embeddings", {"model": self.model, "input": list(texts)})
        return [entry["embedding"] for entry in sorted(answer["data"], key=lambda entry: int(entry["index"]))]

    def tokenize(self, text: str, add_special: bool, parse_special: bool) -> list[int]:
        self._check()
        body = {"model": self.model, "content": text, "add_special": add_special, "parse_special": parse_special}
        return list(self.server.call("POST", "/tokenize", body)["tokens"])

    def detokenize(self, tokens: Sequence[int], special: bool) -> str:
        self._check()
        body = {"model": self.model, "tokens": list(tokens), "with_special": special}
        return str(self.server.call("POST", "/detokenize", body)["content"])

    def count(self, request: Request) -> int:
        if isinstance(request.prompt, str):
            return len(self.tokenize(request.prompt, True, True))
        raise InvalidRequest("a server counts the tokens of texts only", param="messages")

    def close(self) -> None:
        """Cancels what runs."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for source in running:
            source.cancel()
