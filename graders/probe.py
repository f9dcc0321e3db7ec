"""Observing a student's work: the engine's state, what answers, and the values they set.

A probe only looks. Everything goes through the Docker API and real sockets, so it is the same
on every engine. A container that is missing or stopped is a finding (its status says so);
what could not be observed raises :class:`~graders.expectation.ObservationError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker.errors

from course_lib import inside
from course_lib.images import ImageTable, read_image_table
from course_lib.lesson_state import ensure_images
from graders import http_probe
from graders.engine_view import (
    ANY_ADDRESS,
    ContainerView,
    NetworkView,
    PublishedPort,
    parse_timestamp,
)
from graders.expectation import ObservationError
from graders.http_probe import HttpAnswer
from graders.past import JournalPast, Past
from graders.patience import Clock, Patience, SystemClock, patience_here, wait_until
from graders.probe_container import (
    TIMED_OUT,
    ProbeContainer,
    observing,
    probe_container,
)
from graders.probe_files import ContainerFiles
from graders.probe_state import EngineState
from graders.storage_view import ImageView, VolumeView

T = TypeVar("T")
TOOLS = "alpine"
"""The course's image with the tools for looking from inside."""
NO_ADDRESS = "no available IPv4 addresses"


class Probe(EngineState):
    """What a check is given.

    ``client`` is a :class:`docker.DockerClient`; ``answers`` the values set by the student;
    ``folder`` the student's folder; ``images`` the course's table of images;
    ``published_host`` is where published ports answer; ``past`` tells what happened before, by
    default as the lesson's journal has it.
    """

    def __init__(
        self,
        client: Any,
        answers: Mapping[str, object],
        folder: Path,
        *,
        images: ImageTable | None = None,
        published_host: str = "127.0.0.1",
        patience: Patience | None = None,
        clock: Clock | None = None,
        past: Past | None = None,
    ) -> None:
        super().__init__(client.api, images or read_image_table())
        self._client = client
        self.answers = answers
        self.folder = folder
        self._published_host = published_host
        self._patience = patience or patience_here()
        self._clock = clock or SystemClock()
        self._past = past or JournalPast(client.api)

    # --- what happened -----------------------------------------------------------------

    def events(self) -> list[Mapping[str, Any]]:
        """What happened on the engine since the lesson started, oldest first."""
        return self._past.events()

    def prepared(self, lesson: str) -> Mapping[str, Any]:
        """What ``lab.start`` put in place for a lesson; empty where it did not."""
        return self._past.prepared(lesson)

    # --- files -------------------------------------------------------------------------

    def files(self, container: ContainerView) -> ContainerFiles:
        """The files of a container that exists, its volumes and mounts with them."""
        return ContainerFiles(self._api, container.id)

    @contextmanager
    def files_of_volume(self, volume: VolumeView) -> Iterator[ContainerFiles]:
        """The files of a volume that exists, at ``/volume``; nothing in it is changed."""
        with (
            self._tools() as image,
            probe_container(
                self._api, image, "none", binds=[f"{volume.name}:/volume:ro,nocopy"], start=False
            ) as made,
        ):
            yield ContainerFiles(self._api, made.id)

    @contextmanager
    def files_of_image(self, image: ImageView) -> Iterator[ContainerFiles]:
        """The files that a container made from the image begins with."""
        with probe_container(self._api, image.id, "none", command=("true",), start=False) as made:
            yield ContainerFiles(self._api, made.id)

    # --- behaviour ---------------------------------------------------------------------

    def get_published(
        self,
        container: ContainerView,
        ports: Sequence[PublishedPort],
        *,
        path: str = "/",
        good: Callable[[HttpAnswer], bool] = lambda answer: answer.ok,
        service_seconds: float | None = None,
    ) -> HttpAnswer:
        """``GET path`` on published ports, from the host: a good answer, or the last bad one."""

        def look() -> HttpAnswer:
            answer = HttpAnswer(0, problem="no port is published")
            for port in sorted(ports, key=lambda port: ":" in port.host_ip):
                answer = http_probe.get(self._host_of(port), port.host_port, path)
                if good(answer):
                    break
            return answer

        return self.settled(container, look, good, service_seconds=service_seconds)

    def run_in(self, container: ContainerView, *command: str) -> tuple[int, str]:
        """Exit code and output of a program of the student's own running container.

        For what only that program can tell; whatever it says is the student's word.
        """
        with observing():
            try:
                code, out, err = inside.run(self._api, container.id, command)
            except docker.errors.APIError as error:
                if error.status_code in (400, 409):  # it does not run, or has no such program
                    return 127, error.explanation or ""
                raise
            return code, "" if code == TIMED_OUT else out + err

    @contextmanager
    def inside_network(self, network: NetworkView) -> Iterator[ProbeContainer]:
        """Look from a container of our own on ``network``.

        Where the network has no address left for it, from the stack of one that is there.
        """
        with self._tools() as image, ExitStack() as stack:
            try:
                inside = stack.enter_context(probe_container(self._api, image, network.id))
            except ObservationError as problem:
                there = (c for c in self.containers() if c.running and network.name in c.addresses)
                neighbour = next(there, None) if NO_ADDRESS in problem.message else None
                if neighbour is None:
                    raise
                mode = f"container:{neighbour.id}"
                inside = stack.enter_context(probe_container(self._api, image, mode))
            yield inside

    @contextmanager
    def inside_image(self, image: ImageView, network: str) -> Iterator[ProbeContainer]:
        """A running container of our own from a student's image, which has to have a ``sleep``."""
        with probe_container(self._api, image.id, network) as inside:
            yield inside

    @contextmanager
    def inside_host(self) -> Iterator[ProbeContainer]:
        """Look from where the engine itself stands (``--net host``)."""
        with self._tools() as image, probe_container(self._api, image, "host") as inside:
            yield inside

    @contextmanager
    def inside_container(self, container: ContainerView) -> Iterator[ProbeContainer]:
        """Look from the network stack of ``container``: its interfaces, its name server."""
        mode = f"container:{container.id}"
        with self._tools() as image, probe_container(self._api, image, mode) as inside:
            yield inside

    def settled(
        self,
        container: ContainerView,
        look: Callable[[], T],
        good: Callable[[T], bool],
        *,
        service_seconds: float | None = None,
    ) -> T:
        """The last of several looks, as long as ``container`` may still be starting.

        ``service_seconds`` is how long its service may take to answer after the start.
        """
        return wait_until(
            look,
            good,
            seconds=lambda: self._patience.seconds(
                self._age(container),
                own_command=container.own_command,
                service=service_seconds,
            ),
            going_on=lambda: self._still_runs(container),
            clock=self._clock,
            step=self._patience.step,
        )

    def soon(self, look: Callable[[], T], good: Callable[[T], bool]) -> T:
        """The last of several looks at something that is there at once, one slip forgiven."""
        return wait_until(
            look,
            good,
            seconds=lambda: self._patience.briefly,
            going_on=lambda: True,
            clock=self._clock,
            step=self._patience.step,
        )

    def within(self, seconds: float, look: Callable[[], T], good: Callable[[T], bool]) -> T:
        """The last of several looks at something that takes up to ``seconds`` to show."""
        return wait_until(
            look,
            good,
            seconds=lambda: seconds * self._patience.factor,
            going_on=lambda: True,
            clock=self._clock,
            step=self._patience.step,
        )

    # --- details -----------------------------------------------------------------------

    @contextmanager
    def _tools(self) -> Iterator[str]:
        """The image to look from inside with; one that has to be pulled for it goes again."""
        with observing():
            pulled = ensure_images(self._client, [TOOLS], self._images, lambda _: None)
        image = self._images.get(TOOLS)
        try:
            yield image.reference
        finally:
            for reference in {image.reference, image.pull_reference} if pulled else ():
                # In use by now, or gone already: then it is not ours to remove.
                with suppress(docker.errors.APIError):
                    self._api.remove_image(reference)

    def _host_of(self, port: PublishedPort) -> str:
        if port.host_ip not in ANY_ADDRESS:
            return port.host_ip
        if port.host_ip == "::" and self._published_host == "127.0.0.1":
            return "::1"
        return self._published_host

    def _age(self, container: ContainerView) -> float:
        """Seconds since the start, by the engine's own clock."""
        if container.started_at is None:
            return 0.0
        with observing():
            now = parse_timestamp(self._api.info().get("SystemTime", ""))
        return (now - container.started_at).total_seconds() if now else 0.0

    def _still_runs(self, container: ContainerView) -> bool:
        seen = self.container(container.name)
        return seen.id == container.id and seen.running
