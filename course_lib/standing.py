"""What stands on an engine, and which of it a lesson brought. Pure but for :func:`read_standing`.

A student's own things are worth more than a tidy engine. So a thing counts as brought by a
lesson only where there is evidence, and whatever stood before the lesson never does:

* it has one of the names that ``course.toml`` reserves for the lesson (that nothing of that name
  stood before was seen when the lesson started), or
* it is a container without a name of its own, made from an image of the lesson while a cell of
  the lesson's notebook ran that names this image; on the embedded engine, which is the
  course's own, any time since the lesson started will do, so that terminals count as well.

Everything else that appeared meanwhile (another program's containers, a volume that the student
made beside the lesson) stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from course_lib.catalog import Lesson
from course_lib.images import with_tag

_ENGINE_NAMED = re.compile(r"[a-z]+_[a-z]+[0-9]?\Z")
"""``pkg/namesgenerator`` of Moby: an adjective, an underscore, a surname, a digit if taken."""


@dataclass(frozen=True, slots=True)
class StandingContainer:
    """A container as far as cleaning up needs to know it. ``ports`` are published host ports."""

    id: str
    name: str
    image: str = ""
    created_ns: int = 0
    ports: tuple[int, ...] = ()

    @property
    def engine_named(self) -> bool:
        """Nobody gave it a name: it looks like one that the engine made up."""
        return bool(_ENGINE_NAMED.match(self.name))


@dataclass(frozen=True, slots=True)
class StandingNetwork:
    """A network; its name may be used again, its ID never."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Containers, networks, volumes (names) and image tags."""

    containers: tuple[StandingContainer, ...] = ()
    networks: tuple[StandingNetwork, ...] = ()
    volumes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.networks or self.volumes or self.tags)

    def without(self, other: Standing) -> Standing:
        """What is here and not in ``other``."""
        containers = {container.id for container in other.containers}
        networks = {network.id for network in other.networks}
        return Standing(
            tuple(c for c in self.containers if c.id not in containers),
            tuple(n for n in self.networks if n.id not in networks),
            tuple(v for v in self.volumes if v not in other.volumes),
            tuple(t for t in self.tags if t not in other.tags),
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """When a cell of the lesson ran (nanoseconds since the epoch) and which images it names."""

    start_ns: int
    end_ns: int
    images: tuple[str, ...]


def images_named_in(source: str, images: Iterable[str]) -> tuple[str, ...]:
    """Which of the images a cell's source names, with or without a tag."""
    found = []
    for image in images:
        name = image.partition(":")[0] if image.endswith(":latest") else image
        if re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w./-])", source):
            found.append(image)
    return tuple(found)


def brought_by(
    lesson: Lesson,
    now: Standing,
    before: Standing,
    cells: Iterable[Cell],
    *,
    started_ns: int,
    own_engine: bool,
) -> Standing:
    """The part of ``now`` that the lesson brought.

    :param before: what stood when it started.
    :param own_engine: the engine is the embedded one.
    """
    seen = list(cells)

    def nameless(container: StandingContainer) -> bool:
        images = {with_tag(image) for image in lesson.images}
        if not container.engine_named or with_tag(container.image) not in images:
            return False
        if own_engine:
            return container.created_ns >= started_ns
        return any(
            cell.start_ns <= container.created_ns <= cell.end_ns
            and with_tag(container.image) in map(with_tag, cell.images)
            for cell in seen
        )

    since = now.without(before)
    builds = {with_tag(tag) for tag in lesson.builds}
    return Standing(
        tuple(c for c in since.containers if c.name in lesson.containers or nameless(c)),
        tuple(n for n in since.networks if n.name in lesson.networks),
        tuple(v for v in since.volumes if v in lesson.volumes),
        tuple(t for t in since.tags if with_tag(t) in builds),
    )


def read_standing(client: Any) -> Standing:
    """What stands on an engine now.

    :param client: a :class:`docker.DockerClient`.
    :raises docker.errors.DockerException: where the engine does not answer.
    """
    from docker.errors import NotFound

    api = client.api
    containers = []
    for entry in api.containers(all=True):
        names = entry.get("Names") or [entry["Id"][:12]]
        # Legacy links put further names of the form /other/alias into the list.
        name = next((n for n in names if n.count("/") == 1), names[0]).lstrip("/")
        container = StandingContainer(
            id=entry["Id"],
            name=name,
            image=str(entry.get("Image") or ""),
            created_ns=int(entry.get("Created") or 0) * 1_000_000_000,
            ports=tuple(
                sorted({p["PublicPort"] for p in entry.get("Ports") or [] if p.get("PublicPort")})
            ),
        )
        if container.engine_named:
            # The list gives whole seconds; which cell made it takes more than that.
            try:
                created = parse_time_ns(api.inspect_container(container.id)["Created"])
            except NotFound:
                continue
            container = StandingContainer(
                container.id, container.name, container.image, created, container.ports
            )
        containers.append(container)
    images = api.images()
    return Standing(
        tuple(containers),
        tuple(StandingNetwork(entry["Id"], entry["Name"]) for entry in api.networks()),
        tuple(sorted(volume["Name"] for volume in api.volumes()["Volumes"] or [])),
        tuple(sorted(tag for image in images for tag in image.get("RepoTags") or [])),
    )


def parse_time_ns(text: str) -> int:
    """Nanoseconds since the epoch for the API's RFC 3339 times (0 for one that is none)."""
    match = re.match(r"([^.Zz+]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)\Z", text)
    if not match:
        return 0
    whole, fraction, zone = match.groups()
    seconds = datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp()
    return int(seconds) * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
