"""Observing a student's work: the engine's state, what answers, and the values they set.

A probe only looks. Everything goes through the Docker API and real sockets, so it is the same
on every engine. A container that is missing or stopped is a finding (its status says so);
what could not be observed raises :class:`~graders.expectation.ObservationError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker.errors

from course_lib.errors import ImageUnavailable
from course_lib.images import ImageTable, read_image_table
from course_lib.lesson_state import ensure_images
from graders import http_probe
from graders.engine_view import (
    ANY_ADDRESS,
    ContainerView,
    NetworkView,
    PublishedPort,
    container_view,
    network_view,
    parse_timestamp,
)
from graders.expectation import ObservationError
from graders.http_probe import HttpAnswer
from graders.image_names import same_image
from graders.patience import Clock, Patience, SystemClock, wait_until
from graders.probe_container import ProbeContainer, observing, probe_container

T = TypeVar("T")
TOOLS = "alpine"
"""The course's image with the tools for looking from inside."""
AMBIGUOUS = "multiple IDs found with provided prefix"
"""What the engine answers to a name that nobody has, but with which several IDs begin."""


class Probe:
    """What a check is given.

    ``client`` is a :class:`docker.DockerClient`; ``answers`` the values set by the student;
    ``folder`` the student's folder; ``images`` the course's table of images;
    ``published_host`` is where published ports answer.
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
    ) -> None:
        self._client = client
        self._api = client.api
        self.answers = answers
        self.folder = folder
        self._images = images or read_image_table()
        self._published_host = published_host
        self._patience = patience or Patience()
        self._clock = clock or SystemClock()

    # --- state -------------------------------------------------------------------------

    def container(self, name: str) -> ContainerView:
        """The container of exactly this name, running or not."""
        with observing():
            try:
                document = self._api.inspect_container(name)
            except docker.errors.NotFound:
                return ContainerView.missing(name)
            except docker.errors.APIError as error:
                if AMBIGUOUS in (error.explanation or ""):
                    return ContainerView.missing(name)
                raise
            # The engine also takes the beginning of an ID for a name.
            if document["Name"].lstrip("/") != name:
                return ContainerView.missing(name)
            return container_view(document, self._image_config(document["Image"]))

    def network(self, name: str) -> NetworkView:
        """The network of exactly this name."""
        with observing():
            for document in self._api.networks(names=[name]):
                if document["Name"] == name:
                    return network_view(document)
        return NetworkView.missing(name)

    def is_image(self, container: ContainerView, name: str) -> bool:
        """Whether ``container`` was made from the course's image ``name``, however called."""
        wanted = self._images.get(name)
        if any(
            same_image(container.image_ref, reference)
            for reference in (wanted.reference, wanted.pull_reference)
        ):
            return True
        with observing():
            try:
                return bool(self._api.inspect_image(wanted.reference)["Id"] == container.image_id)
            except docker.errors.NotFound:
                return False

    # --- behaviour ---------------------------------------------------------------------

    def get_published(
        self,
        container: ContainerView,
        ports: Sequence[PublishedPort],
        *,
        service_seconds: float | None = None,
    ) -> HttpAnswer:
        """``GET /`` on published ports, from the host: a good answer, or the last bad one."""

        def look() -> HttpAnswer:
            answer = HttpAnswer(0, problem="no port is published")
            for port in sorted(ports, key=lambda port: ":" in port.host_ip):
                answer = http_probe.get(self._host_of(port), port.host_port)
                if answer.ok:
                    break
            return answer

        return self.settled(
            container, look, lambda answer: answer.ok, service_seconds=service_seconds
        )

    @contextmanager
    def inside_network(self, network: NetworkView) -> Iterator[ProbeContainer]:
        """Look from a container of our own on ``network``."""
        with self._tools() as image, probe_container(self._api, image, network.id) as inside:
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
            seconds=lambda: self._patience.settled,
            going_on=lambda: True,
            clock=self._clock,
            step=self._patience.step,
        )

    # --- details -----------------------------------------------------------------------

    @contextmanager
    def _tools(self) -> Iterator[str]:
        """The image to look from inside with; one that has to be pulled for it goes again."""
        try:
            with observing():
                pulled = ensure_images(self._client, [TOOLS], self._images, lambda _: None)
        except ImageUnavailable as error:
            raise ObservationError(error.message, error.hint) from None
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

    def _image_config(self, image_id: str) -> Mapping[str, Any] | None:
        try:
            config = self._api.inspect_image(image_id)["Config"]
        except docker.errors.NotFound:  # removed by force under the container
            return None
        return config if isinstance(config, Mapping) else None

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
