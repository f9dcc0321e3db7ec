"""Checks of the lesson ``named-volumes``."""

from __future__ import annotations

from collections.abc import Iterator

from graders.expectation import Expectation, Finding, every, expect, met, missed
from graders.facts import has_volume_at, listed, made_from, runs, volume_there
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing
from graders.storage_view import MountView, VolumeView
from graders.volumes.tomcat import LOGS, WEBAPPS, answers_on

PORT = 1234
FILE, LINE = "todo.txt", "remember"


@check("named-tomcat")
def tomcat_on_named_volumes(probe: Probe) -> Iterator[Expectation]:
    """``tomcat1`` with the volumes ``webapps`` and ``logs``, answering on host port 1234."""
    tomcat = probe.container("tomcat1")
    webapps, logs = probe.volume("webapps"), probe.volume("logs")
    both = every(volume_there(webapps), volume_there(logs))
    yield expect("There are volumes named webapps and logs.", 1, both)
    running = runs(tomcat)
    yield expect("A container named tomcat1 is running.", 1, running)
    yield expect(
        "tomcat1 was made from the image tomcat.",
        1,
        running.then(lambda: made_from(probe, tomcat, "tomcat")),
    )
    yield expect(
        f"The volume webapps is at {WEBAPPS}.",
        1.5,
        running.then(lambda: has_volume_at(tomcat, WEBAPPS, webapps), drawn=True),
    )
    yield expect(
        f"The volume logs is at {LOGS}.",
        1.5,
        running.then(lambda: has_volume_at(tomcat, LOGS, logs), drawn=True),
    )
    yield expect(
        f"tomcat1 answers on host port {PORT}.",
        2,
        running.then(lambda: answers_on(probe, tomcat, PORT), drawn=not tomcat.exists),
    )


@check("named-survive")
def volume_outlives_its_container(probe: Probe) -> Iterator[Expectation]:
    """A volume ``notes`` with a line in ``todo.txt``, and nobody left who can write to it."""
    notes = probe.volume("notes")
    there = volume_there(notes)
    yield expect("There is a volume named notes.", 1.5, there)
    line = there.then(lambda: _has_line(probe, notes))
    yield expect(f"/{FILE} in notes has the line {LINE}.", 2.5, line)
    yield expect(
        "No container is left that can write to notes.",
        2,
        line.then(lambda: _no_writer(probe, notes)),
    )


def _has_line(probe: Probe, notes: VolumeView) -> Finding:
    with probe.files_of_volume(notes) as files:
        seen = files.read(f"/volume/{FILE}")
    if not seen.is_file:
        return missed(
            f"there is no file {FILE} at the top of notes, or a link that leads nowhere there",
            "Mount notes somewhere in a container, and write the file there.",
        )
    lines = [line.strip() for line in seen.text.splitlines()]
    if LINE in lines:
        return met(f"{FILE} has the line {LINE}")
    return missed(
        f"{FILE} has the lines {listed(lines) if lines else '(none)'}",
        f"One line has to be {LINE}.",
    )


def _leads_into(probe: Probe, mount: MountView, volume: VolumeView) -> bool:
    """It is the volume, or by its path on the host what is in there or a folder around it."""
    if mount.type == "volume":
        return mount.name == volume.name or probe.volume(mount.name).overlaps(volume.places)
    return mount.type == "bind" and volume.overlaps([mount.source])


def _no_writer(probe: Probe, notes: VolumeView) -> Finding:
    writers = {
        container.name
        for container in probe.containers()
        for mount in container.mounts
        if not mount.read_only and _leads_into(probe, mount, notes)
    }
    if not writers:
        return met("no container is left that can write to notes")
    return missed(
        f"{listed(writers)} can still write to notes",
        "A stopped container counts as well, for it can be started again. The volume stays when"
        " its containers are removed.",
        *(
            Shown("wrong", Thing("container", name), Thing("volume", "notes"), fault="can write")
            for name in sorted(writers)
        ),
    )
