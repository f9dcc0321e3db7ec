"""What some lessons put on the engine before the student begins.

A preparation makes things under the lesson's reserved names, or none, and says in the lesson's
journal what it made: what the checks ask for, and under ``volumes`` every volume, so that the
next start can take away what is left of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from course_lib.errors import EngineUnavailable
from course_lib.images import ImageTable

Prepare = Callable[[Any, ImageTable], Mapping[str, Any]]

LIFECYCLE = "volumes/volume-lifecycle"
KEPT_VOLUME, KEPT_FILE, KEPT_TEXT = "keepme", "keep.txt", "keep me"
LEFTOVERS = 3
DATAVOL = "datavol1"
LEFTOVER_LABEL = {"lesson": "volume-lifecycle"}
"""So that pruning can be told to take these, and not what the student has left elsewhere."""
LEFT_BY = "leftover"
"""Label of the container that left a volume: its name. Events tell labels, of containers alone."""


def prepare(lesson: str, client: Any, images: ImageTable) -> Mapping[str, Any]:
    """Do what a lesson needs done first; what to write into its journal (nothing for most).

    :param client: a :class:`docker.DockerClient`; the lesson's images are there.
    :raises docker.errors.DockerException: where the engine would not.
    """
    found = _PREPARATIONS.get(lesson)
    return found(client, images) if found else {}


def volume_lifecycle(client: Any, images: ImageTable) -> Mapping[str, Any]:
    """A named volume with a file in it, three that removed containers left, and a container."""
    tools = images.get("alpine").reference
    client.volumes.create(KEPT_VOLUME)
    writer = client.api.create_container(
        tools,
        ["sh", "-c", f"echo '{KEPT_TEXT}' > /kept/{KEPT_FILE}"],
        host_config=client.api.create_host_config(binds=[f"{KEPT_VOLUME}:/kept"]),
    )["Id"]
    try:
        client.api.start(writer)
        code = client.api.wait(writer)["StatusCode"]
    finally:
        client.api.remove_container(writer, force=True)
    if code:
        raise EngineUnavailable(f"the volume {KEPT_VOLUME} could not be written to")
    leftovers = []
    for _ in range(LEFTOVERS):
        # Made first: a container's own (`-v /data`) has no label, and one of `--mount` with a
        # label is none that dockerd 26.1 prunes as anonymous.
        volume = client.volumes.create(labels=LEFTOVER_LABEL).name
        left = client.api.create_container(
            tools,
            ["true"],
            labels={**LEFTOVER_LABEL, LEFT_BY: volume},
            host_config=client.api.create_host_config(binds=[f"{volume}:/data"]),
        )["Id"]
        client.api.remove_container(left)  # without its volume, as `docker rm` does
        leftovers.append(volume)
    client.containers.run(images.get("training/datavol").reference, name=DATAVOL, detach=True)
    return {"volumes": [KEPT_VOLUME, *leftovers], "leftovers": leftovers}


def seen_in(lesson: str, events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What :func:`prepare` gave for a lesson, told by the engine's events alone.

    For whoever does not take the word of a journal. Where the lesson was started more than once,
    what each start left is in it.
    """
    if lesson != LIFECYCLE:
        return {}
    made: set[str] = set()
    left: dict[str, None] = {}
    for event in events:
        actor = event.get("Actor") or {}
        kind = (event.get("Type"), event.get("Action"))
        if kind == ("volume", "create"):
            made.add(str(actor.get("ID")))
        elif kind == ("container", "create"):
            labels = actor.get("Attributes") or {}
            if LEFTOVER_LABEL.items() <= labels.items() and labels.get(LEFT_BY) in made:
                left[labels[LEFT_BY]] = None
    return {"leftovers": list(left)} if len(left) >= LEFTOVERS else {}


_PREPARATIONS: Mapping[str, Prepare] = MappingProxyType({LIFECYCLE: volume_lifecycle})
