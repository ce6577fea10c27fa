"""A model that can be asked, wherever it runs."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, overload

from ._events import AsyncSource, Backend, Collector, Request, Source, collect, make_request
from .types import Answer, ChatParams, Chunk, Messages, ModelInfo, Params

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

#: Most tokens of a continued prompt, where nothing else is said: a model without an end in sight must not go on forever.
DEFAULT_MAX_TOKENS = 256


def _chunks_of(source: Source, collector: Collector) -> Generator[Chunk, None, None]:
    # No method of Stream: a generator that holds its stream would be a circle, and a stream that nobody holds any more
    # must end at once rather than at the next garbage collection.
    try:
        for event in source:
            collector.add(event)
            if event.end is None:
                yield event.chunk
    finally:
        source.close()


class Stream:
    """An answer as it comes: iterate over its chunks. `answer` is the whole of it after the last one.

    Leaving the loop early, `cancel()` and `close()` end the request. A stream is for one thread.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._collector = Collector()
        self._chunks = _chunks_of(source, self._collector)

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        return next(self._chunks)

    @property
    def answer(self) -> Answer:
        """What has come, put together. Reads what has not been read yet."""
        for _ in self._chunks:
            pass
        if self._collector.answer is None:
            raise RuntimeError("the stream was closed before its end")
        return self._collector.answer

    def cancel(self) -> None:
        """Ends the request soon; the last chunks still come, and `answer` says "cancelled". Any thread."""
        self._source.cancel()

    def close(self) -> None:
        """Ends the request and forgets it."""
        self._chunks.close()
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _AsyncRun:
    """The running request of an AsyncStream, which starts with the first chunk that is waited for."""

    def __init__(self) -> None:
        self.source: AsyncSource | None = None
        self.cancelled = False


async def _async_chunks_of(
    backend: Backend, request: Request, run: _AsyncRun, collector: Collector
) -> AsyncGenerator[Chunk, None]:
    source = run.source = backend.start_async(request)
    try:
        if run.cancelled:
            source.cancel()
        async for event in source:
            collector.add(event)
            if event.end is None:
                yield event.chunk
    finally:
        source.close()


class AsyncStream:
    """The same for `async for`."""

    def __init__(self, backend: Backend, request: Request) -> None:
        self._run = _AsyncRun()
        self._collector = Collector()
        self._chunks = _async_chunks_of(backend, request, self._run, self._collector)

    def __aiter__(self) -> AsyncIterator[Chunk]:
        return self

    async def __anext__(self) -> Chunk:
        return await self._chunks.__anext__()

    async def answer(self) -> Answer:
        """The whole answer. Reads what has not been read yet."""
        async for _ in self._chunks:
            pass
        if self._collector.answer is None:
            raise RuntimeError("the stream was closed before its end")
        return self._collector.answer

    def cancel(self) -> None:
        """Ends the request soon; the last chunks still come."""
        self._run.cancelled = True
        if self._run.source is not None:
            self._run.source.cancel()

    async def aclose(self) -> None:
        """Ends the request and forgets it."""
        await self._chunks.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Model:
    """A loaded model, or one on a server. All methods may be called from any thread and at once: what runs at the same
    time shares one batch, and changes no other answer.

    `load_model` and `connect` make it. Close it, or use it in a `with` block, to have its memory back.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._finalizer = weakref.finalize(self, backend.close)  # at the latest when the interpreter ends

    # ---- Continuing a text ----

    def generate(self, prompt: str | Sequence[int], **params: Unpack[Params]) -> Answer:
        """Continues a text (or its tokens), as it is: no chat template. `max_tokens` is 256 unless it is given.

        `print(model.generate("Once upon a time", max_tokens=200))`
        """
        return collect(self._backend.start(_continuation("generate", prompt, params)))

    def stream(self, prompt: str | Sequence[int], **params: Unpack[Params]) -> Stream:
        """The same, as it comes: `for chunk in model.stream(prompt): print(chunk, end="", flush=True)`."""
        return Stream(self._backend.start(_continuation("stream", prompt, params)))

    def batch_generate(self, prompts: Sequence[str | Sequence[int]], **params: Unpack[Params]) -> list[Answer]:
        """Continues many texts in one batch. The answers come in the order of the prompts, and are those that each
        prompt would get alone."""
        return self._backend.run_all([_continuation("batch_generate", prompt, params) for prompt in prompts])

    async def agenerate(self, prompt: str | Sequence[int], **params: Unpack[Params]) -> Answer:
        """`generate` for asyncio. Cancelling the task cancels the request."""
        return await _acollect(self._backend, _continuation("agenerate", prompt, params))

    def astream(self, prompt: str | Sequence[int], **params: Unpack[Params]) -> AsyncStream:
        """`stream` for asyncio: `async for chunk in model.astream(prompt)`."""
        return AsyncStream(self._backend, _continuation("astream", prompt, params))

    async def abatch_generate(self, prompts: Sequence[str | Sequence[int]], **params: Unpack[Params]) -> list[Answer]:
        """`batch_generate` for asyncio."""
        return await _acollect_all(
            self._backend, [_continuation("abatch_generate", prompt, params) for prompt in prompts]
        )

    # ---- Conversations ----

    def chat(self, messages: Messages, **params: Unpack[ChatParams]) -> Answer:
        """Answers a conversation (or one message of a user) through the model's chat template.

        `answer.message` is the message to go on with.
        """
        return collect(self._backend.start(make_request("chat", params, messages=messages)))

    def stream_chat(self, messages: Messages, **params: Unpack[ChatParams]) -> Stream:
        """The same, as it comes."""
        return Stream(self._backend.start(make_request("stream_chat", params, messages=messages)))

    def batch_chat(self, conversations: Sequence[Messages], **params: Unpack[ChatParams]) -> list[Answer]:
        """Answers many conversations in one batch."""
        return self._backend.run_all([make_request("batch_chat", params, messages=one) for one in conversations])

    async def achat(self, messages: Messages, **params: Unpack[ChatParams]) -> Answer:
        """`chat` for asyncio."""
        return await _acollect(self._backend, make_request("achat", params, messages=messages))

    def astream_chat(self, messages: Messages, **params: Unpack[ChatParams]) -> AsyncStream:
        """`stream_chat` for asyncio."""
        return AsyncStream(self._backend, make_request("astream_chat", params, messages=messages))

    async def abatch_chat(self, conversations: Sequence[Messages], **params: Unpack[ChatParams]) -> list[Answer]:
        """`batch_chat` for asyncio."""
        requests = [make_request("abatch_chat", params, messages=one) for one in conversations]
        return await _acollect_all(self._backend, requests)

    # ---- Vectors and tokens ----

    @overload
    def embed(self, texts: str) -> list[float]: ...

    @overload
    def embed(self, texts: list[str] | tuple[str, ...]) -> list[list[float]]: ...

    def embed(self, texts: str | list[str] | tuple[str, ...]) -> list[float] | list[list[float]]:
        """A vector of length 1 for a text, or one for each of a list."""
        if isinstance(texts, str):
            return self._backend.embed([texts])[0]
        return self._backend.embed(texts) if texts else []

    @overload
    async def aembed(self, texts: str) -> list[float]: ...

    @overload
    async def aembed(self, texts: list[str] | tuple[str, ...]) -> list[list[float]]: ...

    async def aembed(self, texts: str | list[str] | tuple[str, ...]) -> list[float] | list[list[float]]:
        """`embed` for asyncio."""
        return await asyncio.to_thread(self.embed, texts)

    def tokenize(self, text: str, *, add_special: bool = False, parse_special: bool = False) -> list[int]:
        """The tokens of a text. add_special: with the begin and end tokens that the model asks for; parse_special: text
        that spells a special token becomes that token."""
        return self._backend.tokenize(text, add_special, parse_special)

    def detokenize(self, tokens: Sequence[int], *, special: bool = False) -> str:
        """The text of tokens; with `special`, special tokens are spelled out."""
        return self._backend.detokenize(tokens, special)

    def count_tokens(self, prompt_or_messages: str | Messages, **params: Unpack[ChatParams]) -> int:
        """How many tokens a prompt takes, or a conversation with its template and tools (in this process only)."""
        if isinstance(prompt_or_messages, str):
            return self._backend.count(make_request("count_tokens", params, prompt=prompt_or_messages))
        return self._backend.count(make_request("count_tokens", params, messages=prompt_or_messages))

    @property
    def info(self) -> ModelInfo:
        """Name, architecture, context length and so on."""
        return self._backend.info()

    # ---- Its end ----

    def close(self) -> None:
        """Cancels what runs and gives the memory back. Can be called again."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def __repr__(self) -> str:
        return f"<bowhead.Model {self.info.name!r}>"


def _continuation(call: str, prompt: str | Sequence[int], params: Params) -> Request:
    given = dict(params)
    if given.get("max_tokens") is None:
        given["max_tokens"] = DEFAULT_MAX_TOKENS
    return make_request(call, given, prompt=prompt)


async def _acollect(backend: Backend, request: Request) -> Answer:
    return await AsyncStream(backend, request).answer()


async def _acollect_all(backend: Backend, requests: Sequence[Request]) -> list[Answer]:
    """All of them at once; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(_acollect(backend, request)) for request in requests]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
