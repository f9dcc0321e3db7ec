"""Where a name leads, as programs beside it find out, and whether that answers."""

from __future__ import annotations

from collections.abc import Collection

from graders.probe import Probe
from graders.probe_container import Ping, ProbeContainer


def reached(
    probe: Probe, inside: ProbeContainer, name: str, own: Collection[str]
) -> tuple[frozenset[str], Ping]:
    """All addresses that ``name`` has there, and a ping of one that is ``own``, if any is.

    A name that several share may lead to another one of them each time.
    """
    ping = probe.soon(lambda: inside.ping(name), lambda ping: ping.answered)
    given = inside.leads(name, ping)
    mine = given & set(own)
    if mine and ping.address not in mine:
        ping = probe.soon(lambda: inside.ping(min(mine)), lambda ping: ping.answered)
    return given, ping
