"""What a build is asked for, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from course_lib.engine.image.pull import PullProgress


@dataclass(slots=True)
class BuildOptions:
    """The words of ``docker build``.

    :param dockerfile: path in the context.
    :param tags: names for the result.
    :param arguments: ``--build-arg``; ``None`` for a name without a value.
    :param passive: limits, which are noted and not enforced, by their name in ``HostConfig``.
    """

    dockerfile: str = "Dockerfile"
    tags: list[str] = field(default_factory=list)
    arguments: dict[str, str | None] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    target: str = ""
    platform: str = ""
    no_cache: bool = False
    cache_from: list[str] = field(default_factory=list)
    pull: bool = False
    remove: bool = True
    force_remove: bool = False
    network: str = ""
    extra_hosts: list[str] | None = None
    shm_size: int = 0
    passive: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A piece of a build's output: text for one of the streams, or the ID of an image."""

    kind: Literal["stdout", "stderr", "image"]
    text: str


Say = Callable[[Said | PullProgress], None]
"""Takes the output of a build, piece by piece."""

Room = Callable[[], Awaitable[None]]
"""Waits while more of the output waits than should."""


class BuildFailed(Exception):
    """A build has ended early; the message is its last word.

    :ivar code: exit code of the program that failed, 0 where none did.
    """

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code
