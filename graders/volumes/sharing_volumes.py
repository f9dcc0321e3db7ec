"""Checks of the lesson ``sharing-volumes``."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import ANY_VOLUME, box, has_volume_at, listed, made_from, mounted, runs
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.volumes.tomcat import LOGS, answers_on

PORT = 8080
LOG_SECONDS = 30.0
"""Tomcat's access log is written through a buffer that a thread in the background empties every
ten seconds; three times that, for machines with much else to do."""


@check("sharing-logs")
def logs_read_next_door(probe: Probe) -> Iterator[Expectation]:
    """A request made to ``webapp`` now shows in its log as ``logreader`` sees it."""
    webapp, logreader = probe.container("webapp"), probe.container("logreader")
    running = runs(webapp)
    yield expect("A container named webapp is running.", 1, running)
    yield expect(
        "webapp was made from the image tomcat.",
        1,
        running.then(lambda: made_from(probe, webapp, "tomcat")),
    )
    volume = running.then(lambda: has_volume_at(webapp, LOGS), drawn=True)
    yield expect(f"webapp has a volume at {LOGS}.", 2, volume)
    # A page of its own, to be told from all other requests in the log.
    page = f"/looking-for-{secrets.token_hex(6)}"
    answering = running.then(lambda: answers_on(probe, webapp, PORT, page), drawn=not webapp.exists)
    yield expect(f"webapp answers on host port {PORT}.", 2, answering)
    reader = runs(logreader).also(lambda: made_from(probe, logreader, "alpine"))
    yield expect("A container named logreader runs the image alpine.", 1, reader)
    shared = volume.then(lambda: reader).then(lambda: _same_volumes(webapp, logreader), drawn=True)
    yield expect("logreader has the volumes of webapp, at the same paths.", 2, shared)
    yield expect(
        "A request to webapp shows in the log as logreader sees it.",
        3,
        shared.then(lambda: answering).then(lambda: _logged(probe, webapp, logreader, page)),
    )


def _same_volumes(webapp: ContainerView, logreader: ContainerView) -> Finding:
    wanted, seen = _volumes(webapp), _volumes(logreader)
    shown = [
        Shown("met" if place in seen else "missing", box(logreader), volume, place[0])
        for place, volume in wanted.items()
    ] or [Shown("missing", box(logreader), ANY_VOLUME, LOGS)]
    shown += [Shown("met", box(webapp), volume, place[0]) for place, volume in wanted.items()]
    if wanted.keys() <= seen.keys():
        return met(f"both have the volume at {listed(target for target, _ in wanted)}", *shown)
    has = listed(_at(seen)) if seen else "no volume"
    lacking = {place: volume for place, volume in wanted.items() if place not in seen}
    return missed(
        f"logreader has {has}, and not webapp's {listed(_at(lacking))}",
        "One option of docker run takes over all volumes of another container.",
        *shown,
        *(
            Shown("wrong", box(logreader), volume, place[0])
            for place, volume in seen.items()
            if place not in wanted
        ),
    )


def _volumes(container: ContainerView) -> dict[tuple[str, str], Thing]:
    """By path and full name, sorted; whoever has it, a volume is one thing in the picture."""
    mounts = [mount for mount in container.mounts if mount.type == "volume"]
    return {
        (m.target, m.name): mounted(m) for m in sorted(mounts, key=lambda m: (m.target, m.name))
    }


def _at(volumes: dict[tuple[str, str], Thing]) -> list[str]:
    return [f"{volume.name} at {target}" for (target, _), volume in volumes.items()]


def _logged(probe: Probe, webapp: ContainerView, logreader: ContainerView, page: str) -> Finding:
    files = probe.files(logreader)
    mount = webapp.mount_at(LOGS)
    if mount is not None and mount.read_only:
        return missed(
            f"for webapp itself the volume at {LOGS} is read-only",
            "Who writes the log must be able to write. Make webapp anew, without :ro.",
        )

    found = probe.within(LOG_SECONDS, lambda: files.holding(LOGS, page.encode()), bool)
    if found:
        return met(f"the request is in {listed(found)} as logreader sees it")
    return missed(
        f"the request is in no file below {LOGS} of logreader",
        "Has logreader the volumes of the webapp that runs now? A new webapp has a new volume.",
    )
