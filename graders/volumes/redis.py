"""Talking to a Redis from inside its own network stack."""

from __future__ import annotations

import re

from graders.engine_view import ContainerView
from graders.probe import Probe

PORT = 6379
START_SECONDS = 5.0
_BULK = re.compile(r"^\$(-?\d+)\r\n(.*?)\r\n", re.DOTALL)
_VERSION = re.compile(r"^redis_version:(\S+)", re.MULTILINE)


def counter_of(probe: Probe, redis: ContainerView) -> str | None:
    """What ``GET counter`` gives; None where there is no such key or no Redis that answers."""
    reply = _ask(probe, redis, "GET counter\r\nQUIT\r\n")
    bulk = _BULK.match(reply)
    return bulk[2].strip() if bulk and bulk[1] != "-1" else None


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
