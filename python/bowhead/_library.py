"""libbowhead by way of ctypes. The C functions run without the GIL."""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from .errors import (
    BowheadError,
    Cancelled,
    ContextTooLong,
    InternalError,
    InvalidModel,
    InvalidRequest,
    ModelNotFound,
    ResourceExhausted,
    Unavailable,
)

ABI_VERSION = 1

CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, PERMISSION_DENIED = 1, 3, 4, 5, 7
RESOURCE_EXHAUSTED, FAILED_PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, UNAVAILABLE, DATA_LOSS = 8, 9, 11, 12, 14, 15

EVENT_TEXT, EVENT_REASONING, EVENT_CALL, EVENT_CALL_ARGUMENTS, EVENT_END = 1, 2, 3, 4, 5
NEXT_EVENT, NEXT_TIMEOUT, NEXT_EMPTY, NEXT_FAILED = 1, 0, -1, -2
FINISH_REASONS = ("stop", "length", "tool_calls", "cancelled", "error")
FINISH_ERROR = 4


class CEvent(ctypes.Structure):
    """bowhead_event"""

    _fields_ = [
        ("size", c_size_t),
        ("tag", c_uint64),
        ("kind", c_int32),
        ("index", c_int32),
        ("text", c_void_p),
        ("text_length", c_size_t),
        ("num_tokens", c_size_t),
        ("num_top", c_size_t),
        ("tokens", POINTER(c_int32)),
        ("logprobs", POINTER(c_float)),
        ("top_tokens", POINTER(c_int32)),
        ("top_logprobs", POINTER(c_float)),
        ("finish_reason", c_int32),
        ("error_code", c_int32),
        ("prompt_tokens", c_int32),
        ("cached_tokens", c_int32),
        ("completion_tokens", c_int32),
        ("reasoning_tokens", c_int32),
        ("first_token_seconds", c_double),
        ("decode_seconds", c_double),
    ]


Progress = ctypes.CFUNCTYPE(c_int, c_double, c_void_p)

_ERROR = POINTER(c_void_p)
_PROTOTYPES: dict[str, tuple[Any, list[Any]]] = {
    "abi_version": (c_int, []),
    "error_message": (c_char_p, [c_void_p]),
    "error_param": (c_char_p, [c_void_p]),
    "error_free": (None, [c_void_p]),
    "options_new": (c_void_p, []),
    "options_free": (None, [c_void_p]),
    "options_set_int": (c_int, [c_void_p, c_char_p, c_int64, _ERROR]),
    "options_set_string": (c_int, [c_void_p, c_char_p, c_char_p, _ERROR]),
    "options_set_progress": (None, [c_void_p, Progress, c_void_p]),
    "load": (c_int, [c_char_p, c_void_p, POINTER(c_void_p), _ERROR]),
    "model_free": (None, [c_void_p]),
    "model_get_string": (c_char_p, [c_void_p, c_char_p]),
    "model_get_int": (c_int64, [c_void_p, c_char_p]),
    "request_new": (c_void_p, []),
    "request_free": (None, [c_void_p]),
    "request_set_prompt": (c_int, [c_void_p, c_char_p, c_size_t, _ERROR]),
    "request_set_prompt_tokens": (c_int, [c_void_p, POINTER(c_int32), c_size_t, _ERROR]),
    "request_set_int": (c_int, [c_void_p, c_char_p, c_int64, _ERROR]),
    "request_set_number": (c_int, [c_void_p, c_char_p, c_double, _ERROR]),
    "request_set_text": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t, _ERROR]),
    "request_add_text": (c_int, [c_void_p, c_char_p, c_char_p, c_size_t, _ERROR]),
    "request_add_logit_bias": (c_int, [c_void_p, c_int32, c_double, _ERROR]),
    "queue_new": (c_int, [c_void_p, POINTER(c_void_p), _ERROR]),
    "queue_free": (None, [c_void_p]),
    "queue_submit": (c_int, [c_void_p, c_void_p, c_uint64, _ERROR]),
    "queue_next": (c_int, [c_void_p, c_int64, POINTER(CEvent)]),
    "queue_cancel": (None, [c_void_p, c_uint64]),
    "queue_cancel_all": (None, [c_void_p]),
    "tokenize": (c_int, [c_void_p, c_char_p, c_size_t, c_int, POINTER(c_int32), c_size_t, POINTER(c_size_t), _ERROR]),
    "detokenize": (
        c_int,
        [c_void_p, POINTER(c_int32), c_size_t, c_int, c_char_p, c_size_t, POINTER(c_size_t), _ERROR],
    ),
    "count_tokens": (c_int, [c_void_p, c_void_p, POINTER(c_size_t), _ERROR]),
    "embed": (
        c_int,
        [c_void_p, POINTER(c_char_p), POINTER(c_size_t), c_size_t, POINTER(c_float), POINTER(c_size_t), _ERROR],
    ),
}


class Library:
    """The functions of libbowhead without their prefix. `call` raises what goes wrong."""

    def __init__(self, path: str) -> None:
        try:
            self._dll = ctypes.CDLL(path)
        except OSError as error:
            raise BowheadError(
                f"libbowhead cannot be loaded ({error}). It needs Linux on x86-64; a server can be used from "
                "anywhere: bowhead.connect(url)"
            ) from error
        self._functions: dict[str, Any] = {}
        for name, (result, arguments) in _PROTOTYPES.items():
            function = self._dll["bowhead_" + name]
            function.restype, function.argtypes = result, arguments
            self._functions[name] = function
        version = self.get("abi_version")
        if version != ABI_VERSION:
            raise BowheadError(f"{path} has the binary interface {version}; this package needs {ABI_VERSION}")

    def get(self, name: str, *arguments: Any) -> Any:
        """Calls a function that cannot fail."""
        return self._functions[name](*arguments)

    def call(self, name: str, *arguments: Any) -> None:
        """Calls a function whose last parameter is the place for an error."""
        error = c_void_p()
        code = self._functions[name](*arguments, byref(error))
        if code == 0:
            return
        try:
            message = self.get("error_message", error).decode("utf-8", "replace")
            param = self.get("error_param", error).decode("utf-8", "replace")
        finally:
            self.get("error_free", error)
        raise make_error(code, message, param or None)


def make_error(code: int, message: str, param: str | None = None) -> BowheadError:
    """The exception for a code of the library."""
    if code in (INVALID_ARGUMENT, FAILED_PRECONDITION, UNIMPLEMENTED):
        return InvalidRequest(message, param=param)
    kinds: dict[int, type[BowheadError]] = {
        CANCELLED: Cancelled,
        DEADLINE_EXCEEDED: Unavailable,
        NOT_FOUND: ModelNotFound,
        PERMISSION_DENIED: BowheadError,
        RESOURCE_EXHAUSTED: ResourceExhausted,
        OUT_OF_RANGE: ContextTooLong,
        UNAVAILABLE: Unavailable,
        DATA_LOSS: InvalidModel,
    }
    return kinds.get(code, InternalError)(message, param=param)


_library: Library | None = None


def library() -> Library:
    """The library of this package, or the one that $BOWHEAD_LIBRARY names; loaded when it is first needed."""
    global _library
    if _library is None:
        path = os.environ.get("BOWHEAD_LIBRARY") or str(Path(__file__).with_name("libbowhead.so"))
        _library = Library(path)
    return _library
