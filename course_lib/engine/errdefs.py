"""The ways in which the engine refuses, as one tree of exceptions.

The classes mirror Moby's ``errdefs`` package: each says *what kind* of refusal it is, and
nothing about HTTP. :mod:`course_lib.engine.api.errors` alone maps a kind to a status code.
The message is what the user reads (``Error response from daemon: <message>``), so it follows
dockerd's wording.
"""

from __future__ import annotations


class EngineError(Exception):
    """Base of every refusal that a client may see; ``str(error)`` is the message shown."""


class InvalidParameter(EngineError):
    """The request itself is wrong: bad words, wrong type, value out of range."""


class Unauthorized(EngineError):
    """The registry would want credentials that were not given."""


class Forbidden(EngineError):
    """The request is understood and not allowed (removing a predefined network)."""


class NotFound(EngineError):
    """Something that the request names does not exist."""


class NotModified(EngineError):
    """The thing is already in the wanted state (starting a running container)."""


class Conflict(EngineError):
    """The request contradicts the present state (a name in use, a running container)."""


class Unavailable(EngineError):
    """A part of the engine that is needed is not there now (swarm mode is off)."""


class NotImplementedByEngine(EngineError):
    """Docker can do this, the embedded engine cannot; the message says both."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} is not supported by the embedded engine")


class SystemFailure(EngineError):
    """The engine tried and the system refused: a port in use, a full disk."""
