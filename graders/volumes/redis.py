"""Talking to a Redis from inside its own network stack."""

from __future__ import annotations

import re

from graders.engine_view import ContainerView
from graders.probe import Probe

PORT = 6379
START_SECONDS = 5.0
_VALUE = re.compile(r"\$\d+\r\n(.*?)\r\n(?:\+OK\r\n)?", re.DOTALL)
"""Up to the answer to QUIT: it may be of several lines."""
_VERSION = re.compile(r"^redis_version:(\S+)", re.MULTILINE)


class NoAnswerError(Exception):
    """No Redis answers where one should, or it wants a password; the message says which."""


class RefusedError(Exception):
    """Redis refused the question: its message."""


def counter_of(probe: Probe, redis: ContainerView) -> str | None:
    """What ``GET counter`` gives; None where there is no such key.

    :raises NoAnswerError: nobody could be asked.
    :raises RefusedError: the key is no text.
    """
    reply = _ask(probe, redis, "GET counter\r\nQUIT\r\n")
    if reply.startswith("$-1\r\n"):
        return None
    if value := _VALUE.fullmatch(reply):
        return value[1].strip()
    said = reply.partition("\r\n")[0].removeprefix("-")[:120]
    if said and "NOAUTH" not in said:
        raise RefusedError(said)
    raise NoAnswerError(said or f"no Redis answers at port {PORT}")


def version_of(probe: Probe, redis: ContainerView) -> str:
    """The version that ``INFO server`` tells; empty where nothing answers."""
    version = _VERSION.search(_ask(probe, redis, "INFO server\r\nQUIT\r\n").replace("\r", ""))
    return version[1] if version else ""


def _ask(probe: Probe, redis: ContainerView, commands: str) -> str:
    with probe.inside_container(redis) as inside:
        return probe.settled(
            redis,
            lambda: inside.say("127.0.0.1", PORT, commands),
            bool,
            service_seconds=START_SECONDS,
        )
