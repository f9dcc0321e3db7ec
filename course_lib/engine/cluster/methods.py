"""What an engine does when another one asks, by the name of the question."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from course_lib.engine import errdefs
from course_lib.engine.cluster.frames import Message

if TYPE_CHECKING:
    from course_lib.engine.cluster.channel import Channel
    from course_lib.engine.cluster.link import Link

Call = Callable[["Link", Message], Awaitable[Message]]
Note = Callable[["Link", Message], None]
Open = Callable[["Link", Message, "Channel"], Awaitable[Message]]

_Answer = TypeVar("_Answer")

MEMBERS = frozenset({"node", "manager", "peer"})
"""Purposes of links between members; ``join`` is the one of a link that a stranger makes."""


class Methods:
    """Questions and who answers them.

    Every one is registered with the purposes of the links on which it may be asked.
    """

    def __init__(self) -> None:
        self._calls: dict[str, tuple[Call, frozenset[str]]] = {}
        self._notes: dict[str, tuple[Note, frozenset[str]]] = {}
        self._opens: dict[str, tuple[Open, frozenset[str]]] = {}

    def on_call(self, name: str, answer: Call, purposes: frozenset[str] = MEMBERS) -> None:
        """Answer a question with a message; an exception goes to who asked."""
        self._calls[name] = answer, purposes

    def on_note(self, name: str, take: Note, purposes: frozenset[str] = MEMBERS) -> None:
        """Take a message that wants no answer."""
        self._notes[name] = take, purposes

    def on_open(self, name: str, grant: Open, purposes: frozenset[str] = MEMBERS) -> None:
        """Grant a stream, by returning, or refuse it, by an exception."""
        self._opens[name] = grant, purposes

    def call(self, name: str, purpose: str) -> Call | None:
        """Who answers that question."""
        return _allowed(self._calls, name, purpose)

    def note(self, name: str, purpose: str) -> Note | None:
        """Who takes that note."""
        return _allowed(self._notes, name, purpose)

    def open(self, name: str, purpose: str) -> Open | None:
        """Who grants that stream."""
        return _allowed(self._opens, name, purpose)


def _allowed(
    table: Mapping[str, tuple[_Answer, frozenset[str]]], name: str, purpose: str
) -> _Answer | None:
    found = table.get(name)
    return found[0] if found is not None and purpose in found[1] else None


def pack_error(error: Exception) -> Message:
    """An exception as an answer."""
    if isinstance(error, errdefs.EngineError):
        # A kind that some part of the engine has of its own goes as the one that all know.
        known = (c for c in type(error).__mro__ if c.__module__ == errdefs.__name__)
        return Message({"error": next(known).__name__, "message": str(error)})
    if isinstance(error, OSError) and error.errno:
        return Message({"errno": error.errno})
    return Message({"error": "SystemFailure", "message": f"the other engine failed: {error!r}"})


def raise_error(answer: Message) -> None:
    """Raise what the other engine raised, if it did."""
    code = answer.fields.get("errno")
    if isinstance(code, int) and 0 < code < 4096:
        raise OSError(code, os.strerror(code))
    if "error" not in answer.fields:
        return
    kind = getattr(errdefs, str(answer.fields["error"]), None)
    if not (isinstance(kind, type) and issubclass(kind, errdefs.EngineError)):
        kind = errdefs.SystemFailure
    error = kind.__new__(kind)
    error.args = (str(answer.fields.get("message", "")),)
    raise error
