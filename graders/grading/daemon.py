"""A Docker daemon of the instructor's while one notebook is graded on it.

What stood there before stays as it is. What counts as the notebook's is decided by what the grader
saw itself: it was made while the notebook ran, and has one of the lesson's names or one that stands
in the notebook. The journal in the student's home is not asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import docker

from course_lib import lesson_state
from course_lib.catalog import Lesson
from course_lib.errors import CourseError
from course_lib.preparation import seen_in
from course_lib.standing import (
    Activity,
    Cell,
    Standing,
    brought_by,
    read_standing,
    words_named_in,
    words_of,
)
from graders.grading.engine import CLIENT_SECONDS
from graders.past import Event

_OWN = Lesson("own", "own", "A notebook of your own")


class Daemon:
    """The daemon at ``host``, with what stood there when this was made.

    :param lesson: what the notebook is about; None for one of the instructor's own.
    :param text: the source of all of its cells.
    :raises CourseError: something there has a name or a port that the lesson needs.
    """

    def __init__(self, host: str, lesson: Lesson | None, text: str) -> None:
        self.docker_host = host
        self._lesson = lesson or _OWN
        self._text = text
        self._client = self.client()
        self._begun = time.time_ns()
        self._before = read_standing(self._client)
        lesson_state.check_clashes(
            self._lesson,
            self._before,
            Standing(),
            port_free=self._port_free,
            own_engine=False,
        )

    def client(self) -> docker.DockerClient:
        """A client for it."""
        return docker.DockerClient(base_url=self.docker_host, timeout=CLIENT_SECONDS)

    def clean(self, events: Iterable[Event]) -> list[str]:
        """Take away what the notebook brought; what came meanwhile and stays, one line each.

        :param events: what the daemon told while the notebook ran.
        """
        try:
            now = read_standing(self._client)
            lesson_state.remove(self._client, self._brought(now, list(events)))
            left = read_standing(self._client).without(self._before)
        except (CourseError, docker.errors.DockerException) as error:
            return [f"could not be cleaned up on your Docker: {error}"]
        named = [
            *(f"container {found.name}" for found in left.containers),
            *(f"network {found.name}" for found in left.networks),
            *(f"volume {found.name}" for found in left.volumes),
            *(f"service {found.name}" for found in left.services),
        ]
        return [f"came meanwhile, and stays on your Docker: {what}" for what in named]

    def close(self) -> None:
        """Give up the connection."""
        self._client.close()

    def _port_free(self, port: int) -> bool:
        # What a daemon elsewhere listens on cannot be seen from here.
        return not self.docker_host.startswith("unix://") or lesson_state.port_free(port)

    def _brought(self, now: Standing, events: list[Event]) -> Standing:
        since = now.without(self._before)
        lesson = self._with_names_in_text(since, events)
        ended = time.time_ns()
        activity = Activity(self._begun, ended, (Cell(self._begun, ended, words_of(lesson)),))
        brought = brought_by(lesson, now, self._before, activity, own_engine=False)
        known = {volume.name for volume in brought.volumes}
        unnamed = set(_unnamed_volumes(lesson, events)) - known
        further = tuple(v for v in since.volumes if v.name in unnamed)
        return replace(brought, volumes=(*brought.volumes, *further))

    def _with_names_in_text(self, since: Standing, events: list[Event]) -> Lesson:
        """The lesson, as if it had reserved whatever of this the notebook names."""
        made = list(_containers(events))
        images = {found.get("image", "") for found in made} - {""}
        containers = {found.get("name", "") for found in made} - {""}
        lesson = self._lesson
        return replace(
            lesson,
            images=(*lesson.images, *self._named(images)),
            containers=(*lesson.containers, *self._named(containers)),
            networks=(*lesson.networks, *self._named(n.name for n in since.networks)),
            volumes=(*lesson.volumes, *self._named(v.name for v in since.volumes)),
            services=(*lesson.services, *self._named(s.name for s in since.services)),
            builds=(*lesson.builds, *self._named(since.tags)),
        )

    def _named(self, words: Iterable[str]) -> tuple[str, ...]:
        return words_named_in(self._text, words)


def _containers(events: Iterable[Event]) -> Iterable[dict[str, str]]:
    """The attributes of containers that were made, with their ``id``."""
    for event in events:
        if (event.get("Type"), event.get("Action")) == ("container", "create"):
            actor = event.get("Actor") or {}
            yield {**(actor.get("Attributes") or {}), "id": str(actor.get("ID"))}


def _unnamed_volumes(lesson: Lesson, events: list[Event]) -> Iterable[str]:
    """What the lesson put there, and what its containers had and left when they were removed."""
    yield from seen_in(lesson.key, events).get("leftovers", ())
    ours = {c["id"] for c in _containers(events) if c.get("name") in lesson.containers}
    for event in events:
        actor: Any = event.get("Actor") or {}
        if (event.get("Type"), event.get("Action")) == ("volume", "mount"):
            name = str(actor.get("ID"))
            if len(name) == 64 and (actor.get("Attributes") or {}).get("container") in ours:
                yield name
