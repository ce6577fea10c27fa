"""What can go wrong. Every error of this package is a BowheadError."""

from __future__ import annotations


class BowheadError(Exception):
    """Something did not work; the message says what, and what to do.

    param: the parameter that is to blame, or None.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ModelNotFound(BowheadError):
    """There is no model of that name or path, or the server does not serve it."""


class InvalidModel(BowheadError):
    """The model file is damaged, or of a kind that is not supported."""


class InvalidRequest(BowheadError, ValueError):
    """A parameter is wrong or cannot be honoured; `param` names it."""


class ContextTooLong(InvalidRequest):
    """The prompt, or the prompt with the tokens asked for, does not fit the model's context."""


class ResourceExhausted(BowheadError):
    """There is not enough memory, or too many requests wait.

    retry_after: seconds after which a server expects to have room, or None.
    """

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, param=param)
        self.retry_after = retry_after


class AuthenticationError(BowheadError):
    """The server wants another API key."""


class Unavailable(BowheadError):
    """The server cannot be reached, is loading or is shutting down; or the answer took too long."""


class Cancelled(BowheadError):
    """It was cancelled."""


class Closed(BowheadError):
    """The model has been closed."""


class InternalError(BowheadError):
    """A mistake of Bowhead's own, or of the server."""
