"""Language models in this process, or on a Bowhead server.

    import bowhead

    with bowhead.load_model("default", device="cpu") as model:
        print(model.generate("The capital of France is", max_tokens=20))
        for chunk in model.stream_chat("Why is the sky blue?"):
            print(chunk, end="", flush=True)
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from . import _local, _remote
from .errors import (
    AuthenticationError,
    BowheadError,
    Cancelled,
    Closed,
    ContextTooLong,
    InternalError,
    InvalidModel,
    InvalidRequest,
    ModelNotFound,
    ResourceExhausted,
    Unavailable,
)
from .model import AsyncStream, Model, Stream
from .types import (
    Answer,
    ChatParams,
    Chunk,
    FinishReason,
    Message,
    Messages,
    ModelInfo,
    Params,
    Schema,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
)

try:
    __version__ = version("bowhead")
except PackageNotFoundError:  # used from the sources, without an installation
    __version__ = "0"

__all__ = [
    "Answer",
    "AsyncStream",
    "AuthenticationError",
    "BowheadError",
    "Cancelled",
    "ChatParams",
    "Chunk",
    "Closed",
    "ContextTooLong",
    "FinishReason",
    "InternalError",
    "InvalidModel",
    "InvalidRequest",
    "Message",
    "Messages",
    "Model",
    "ModelInfo",
    "ModelNotFound",
    "Params",
    "ResourceExhausted",
    "Schema",
    "Stream",
    "TokenLogprob",
    "ToolCall",
    "ToolCallDelta",
    "Unavailable",
    "Usage",
    "connect",
    "load_model",
]


def load_model(
    name_or_path: str | os.PathLike[str],
    device: str = "cpu",
    *,
    threads: int = 0,
    context_length: int = 0,
    kv_type: str = "f16",
    kv_bytes: int = 0,
    max_running: int = 64,
    chat_template: str | None = None,
    isa: str | None = None,
    speculate: str = "auto",
    draft_model: str | os.PathLike[str] | None = None,
    packed_cache: str = "auto",
    progress: Callable[[float], Any] | None = None,
) -> Model:
    """Loads a model into this process.

    name_or_path: a GGUF file, or the name of one in the folder `models` of $BOWHEAD_CACHE (else of ~/.cache/bowhead);
        "default" is the model that Bowhead's `make run` fetches. A URL connects to a server, as `connect` does.
    device: "cpu", the only one.
    threads: of the kernels; 0: one per core that the process may use.
    context_length: in tokens; 0: the model's own, or what fits in memory.
    kv_type: number format of the KV cache: "f16", "bf16" or "q8".
    kv_bytes: memory for it; 0: chosen from what is free.
    max_running: most requests in one batch.
    chat_template: a Jinja file, or a built-in template (chatml, llama2, gemma, plain), instead of the model's own.
    isa: an instruction set instead of the best one of the machine.
    speculate: "auto", "lookup", "draft" or "off": guess tokens; answers stay the same.
    draft_model: a small model file with the same vocabulary, to guess with.
    packed_cache: where prepared weights are kept for the next load: "auto", "off" or a folder.
    progress: is called with the fraction done, 0 to 1.

    Raises ModelNotFound, InvalidModel, ResourceExhausted (memory), InvalidRequest (an option).
    """
    name = os.fspath(name_or_path)
    if name.startswith(("http://", "https://")):
        if device != "cpu" or threads or context_length or chat_template or draft_model:
            raise InvalidRequest("a server has chosen device, threads, context, template and draft model itself")
        return connect(name)
    options: dict[str, int | str] = {
        "device": device,
        "threads": threads,
        "context_length": context_length,
        "kv_type": kv_type,
        "kv_bytes": kv_bytes,
        "max_running": max_running,
        "speculate": speculate,
        "packed_cache": packed_cache,
    }
    if chat_template is not None:
        options["chat_template"] = chat_template
    if isa is not None:
        options["isa"] = isa
    if draft_model is not None:
        options["draft_model"] = os.fspath(draft_model)
    return Model(_local.LocalBackend(name, options, progress))


def connect(
    url: str,
    *,
    api_key: str | None = None,
    model: str | None = None,
    timeout: float = 600.0,
    max_retries: int = 2,
    tls: ssl.SSLContext | None = None,
) -> Model:
    """A model on a server, which has the same methods.

    url: http://127.0.0.1:8080, say.
    api_key: default: $BOWHEAD_API_KEY.
    model: which of the server's models; default: the first.
    timeout: seconds without any byte after which a call fails.
    max_retries: how often a call is made again when the server is busy (429, 503), after the time that it asks for.
    tls: for https; default: the system's certificates.

    Raises Unavailable, AuthenticationError.
    """
    key = api_key if api_key is not None else os.environ.get("BOWHEAD_API_KEY")
    return Model(_remote.RemoteBackend(_remote.Server(url, key, timeout, max_retries, tls), model))
