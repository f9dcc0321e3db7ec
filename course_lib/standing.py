"""What stands on an engine, and which of it a lesson brought. Pure but for :func:`read_standing`.

A student's own things are worth more than a tidy engine. Whatever stood before the lesson never
counts as brought by it. Of what came since,

* a container or a network does that has one of the names that ``course.toml`` reserves for the
  lesson, if it was made while the lesson was active: until :data:`IDLE_NS` after the last cell
  of its notebook. (When the lesson started, nothing had such a name, or it would have been a
  clash.) What is made later with such a name is the student's own, and the next start says so.
* a volume with a reserved name does as well; but data cannot be had back, so on a Docker of the
  student's own a cell of the notebook must have named it while it was made.
* a service with a reserved name does, as a container; and Swarm mode itself, if the lesson uses
  services, it was off before, and no other service is left in it.
* a container without a name of its own does, if it is made from an image of the lesson, while a
  cell ran that names this image.

The embedded engine is the course's own: there things need not have been made by a cell, so that
what a student types in a terminal counts as well. Everything else stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from course_lib.catalog import Lesson
from course_lib.images import with_tag

SECOND_NS = 1_000_000_000
IDLE_NS = 3 * 3600 * SECOND_NS
"""How long after its last cell a lesson still counts as active: for work in a terminal."""
SWARM_NETWORKS = ("docker_gwbridge",)
"""What Swarm mode leaves behind on a host when it is turned off."""
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
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class StandingVolume:
    """A volume, known by its name alone."""

    name: str
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class StandingService:
    """A service of a swarm that this engine manages."""

    id: str
    name: str
    created_ns: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Containers, networks, volumes, image tags, services, and whether Swarm mode is on."""

    containers: tuple[StandingContainer, ...] = ()
    networks: tuple[StandingNetwork, ...] = ()
    volumes: tuple[StandingVolume, ...] = ()
    tags: tuple[str, ...] = ()
    services: tuple[StandingService, ...] = ()
    swarm: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.containers
            or self.networks
            or self.volumes
            or self.tags
            or self.services
            or self.swarm
        )

    def counted(self) -> str:
        """How much there is, in words."""
        counts = [
            (len(self.containers), "container"),
            (len(self.networks), "network"),
            (len(self.volumes), "volume"),
            (len(self.tags), "image"),
            (len(self.services), "service"),
        ]
        words = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
        return ", ".join(words) or "nothing was left"

    def without(self, other: Standing) -> Standing:
        """What is here and not in ``other``."""
        containers = {container.id for container in other.containers}
        networks = {network.id for network in other.networks}
        volumes = {volume.name for volume in other.volumes}
        services = {service.id for service in other.services}
        return Standing(
            tuple(c for c in self.containers if c.id not in containers),
            tuple(n for n in self.networks if n.id not in networks),
            tuple(v for v in self.volumes if v.name not in volumes),
            tuple(t for t in self.tags if t not in other.tags),
            tuple(s for s in self.services if s.id not in services),
            self.swarm and not other.swarm,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """When a cell of the notebook ran (nanoseconds since the epoch), and what it names.

    :param words: the lesson's images and volumes that stand in its source.
    """

    start_ns: int
    end_ns: int
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """From when to when the lesson was active, and what its notebook's cells named."""

    start_ns: int
    end_ns: int
    cells: tuple[Cell, ...] = ()

    def covers(self, created_ns: int) -> bool:
        """Whether the lesson was still active when something was made."""
        return created_ns <= self.end_ns + IDLE_NS

    def named(self, word: str, created_ns: int, slack_ns: int = 0) -> bool:
        """Whether a cell that names the word ran when something was made."""
        return any(
            cell.start_ns - slack_ns <= created_ns <= cell.end_ns + slack_ns
            for cell in self.cells
            if word in cell.words
        )


def words_of(lesson: Lesson) -> tuple[str, ...]:
    """What is looked for in the cells of a lesson's notebook."""
    return (*lesson.images, *lesson.volumes)


def words_named_in(source: str, words: Iterable[str]) -> tuple[str, ...]:
    """Which of the words a cell's source names; an image with or without its tag."""
    return tuple(
        word
        for word in words
        if re.search(rf"(?<![\w./-]){re.escape(word.removesuffix(':latest'))}(?![\w./-])", source)
    )


def brought_by(
    lesson: Lesson, now: Standing, before: Standing, activity: Activity, *, own_engine: bool
) -> Standing:
    """The part of ``now`` that the lesson brought.

    :param before: what stood when it started.
    :param own_engine: the engine is the embedded one.
    """
    images = {with_tag(image): image for image in lesson.images}

    def container(found: StandingContainer) -> bool:
        if not activity.covers(found.created_ns):
            return False
        if found.name in lesson.containers:
            return True
        image = images.get(with_tag(found.image))
        if image is None or not found.engine_named:
            return False
        if own_engine:
            return found.created_ns >= activity.start_ns
        return activity.named(image, found.created_ns)

    def volume(found: StandingVolume) -> bool:
        if found.name not in lesson.volumes or not activity.covers(found.created_ns):
            return False
        # Volumes tell their age in whole seconds.
        return own_engine or activity.named(found.name, found.created_ns, SECOND_NS)

    since = now.without(before)
    builds = {with_tag(tag) for tag in lesson.builds}
    services = tuple(
        s for s in since.services if s.name in lesson.services and activity.covers(s.created_ns)
    )
    leaves = since.swarm and bool(lesson.services) and len(services) == len(now.services)
    networks = {*lesson.networks, *(SWARM_NETWORKS if leaves else ())}
    return Standing(
        tuple(c for c in since.containers if container(c)),
        tuple(n for n in since.networks if n.name in networks and activity.covers(n.created_ns)),
        tuple(v for v in since.volumes if volume(v)),
        tuple(t for t in since.tags if with_tag(t) in builds),
        services,
        leaves,
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
    swarm = api.info().get("Swarm") or {}
    manager = bool(swarm.get("ControlAvailable"))
    return Standing(
        tuple(containers),
        tuple(
            StandingNetwork(entry["Id"], entry["Name"], parse_time_ns(entry.get("Created") or ""))
            for entry in api.networks()
        ),
        tuple(
            StandingVolume(entry["Name"], parse_time_ns(entry.get("CreatedAt") or ""))
            for entry in api.volumes()["Volumes"] or []
        ),
        tuple(sorted(tag for image in images for tag in image.get("RepoTags") or [])),
        tuple(
            StandingService(
                entry["ID"], entry["Spec"]["Name"], parse_time_ns(entry.get("CreatedAt") or "")
            )
            for entry in (api.services() if manager else ())
        ),
        swarm.get("LocalNodeState", "inactive") != "inactive",
    )


def parse_time_ns(text: str) -> int:
    """Nanoseconds since the epoch for the API's RFC 3339 times (0 for one that is none)."""
    match = re.match(r"([^.Zz+]+)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)\Z", text)
    if not match:
        return 0
    whole, fraction, zone = match.groups()
    seconds = datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).timestamp()
    return int(seconds) * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
