"""Refusals of the manager in the words in which dockerd passes swarmkit's on.

dockerd shows a gRPC error as it prints; its kind decides the HTTP status (Moby:
``api/server/httpstatus``).
"""

from __future__ import annotations

from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    Forbidden,
    InvalidParameter,
    NotImplementedByEngine,
    SystemFailure,
)


class Unimplemented(NotImplementedByEngine):
    """swarmkit itself cannot do it."""

    def __init__(self, text: str) -> None:
        EngineError.__init__(self, f"rpc error: code = Unimplemented desc = {text}")


def invalid(text: str) -> EngineError:
    """``InvalidArgument``."""
    return InvalidParameter(f"rpc error: code = InvalidArgument desc = {text}")


def exists(text: str) -> EngineError:
    """``AlreadyExists``."""
    return Conflict(f"rpc error: code = AlreadyExists desc = {text}")


def precondition(text: str) -> EngineError:
    """``FailedPrecondition``."""
    return InvalidParameter(f"rpc error: code = FailedPrecondition desc = {text}")


def denied(text: str) -> EngineError:
    """``PermissionDenied``."""
    return Forbidden(f"rpc error: code = PermissionDenied desc = {text}")


def unknown(text: str) -> EngineError:
    """``Unknown``."""
    return SystemFailure(f"rpc error: code = Unknown desc = {text}")


def check_version(index: int, wanted: int) -> None:
    """Refuse a change of something that somebody else has changed meanwhile."""
    if index != wanted:
        raise unknown("update out of sequence")
