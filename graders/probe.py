"""Observing a student's work: the engine's state, what answers, and the values they set.

A probe only looks. Everything goes through the Docker API and real sockets, so it is the same
on every engine. A container that is missing or stopped is a finding (its status says so);
what could not be observed raises :class:`~graders.expectation.ObservationError`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import docker.errors

from course_lib.errors import ImageUnavailable
from course_lib.images import ImageTable, read_image_table
from course_lib.journal import Journal
from course_lib.lesson_state import ensure_images
from course_lib.recorder import read_events
from course_lib.standing import SECOND_NS
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
from graders.probe_container import (
    COMMAND_SECONDS,
    TIMED_OUT,
    ProbeContainer,
    observing,
    probe_container,
    within,
)
from graders.probe_files import ContainerFiles
from graders.storage_view import ImageView, VolumeView, image_view, volume_view
from graders.swarm_view import ServiceView, TaskView, service_view, task_view

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

    def containers(self) -> list[ContainerView]:
        """All containers, running or not, by name."""
        with observing():
            listed = self._api.containers(all=True)
        found = []
        for entry in listed:
            with observing():
                try:
                    document = self._api.inspect_container(entry["Id"])
                except docker.errors.NotFound:  # gone since
                    continue
                found.append(container_view(document, self._image_config(document["Image"])))
        return sorted(found, key=lambda view: view.name)

    def volume(self, name: str) -> VolumeView:
        """The volume of this name."""
        with observing():
            try:
                return volume_view(self._api.inspect_volume(name))
            except docker.errors.NotFound:
                return VolumeView(name, exists=False)

    def image(self, reference: str) -> ImageView:
        """The image that ``reference`` names."""
        with observing():
            try:
                return image_view(reference, self._api.inspect_image(reference))
            except docker.errors.NotFound:
                return ImageView("", reference)

    def swarm_state(self) -> tuple[str, bool]:
        """``LocalNodeState`` of the engine (``inactive``, ``active`` …), and if it manages one."""
        with observing():
            swarm = self._api.info().get("Swarm") or {}
        return str(swarm.get("LocalNodeState") or "inactive"), bool(swarm.get("ControlAvailable"))

    def service(self, name: str) -> ServiceView:
        """The service of exactly this name; the engine has to be a manager."""
        with observing():
            for document in self._api.services(filters={"name": name}):
                if document["Spec"]["Name"] == name:
                    return service_view(document)
        return ServiceView.missing(name)

    def tasks(self, service: ServiceView) -> list[TaskView]:
        """The tasks of a service that exists, those that ended with them."""
        with observing():
            return [task_view(task) for task in self._api.tasks(filters={"service": service.id})]

    def logs(self, container: ContainerView) -> str:
        """The last lines that the programs of a container printed."""
        with observing():
            data = self._api.logs(container.id, stdout=True, stderr=True, tail=500)
        return bytes(data).decode("utf-8", "replace")

    def events(self) -> list[Mapping[str, Any]]:
        """What happened on the engine since the lesson started, oldest first.

        The engine remembers the last 256 events alone; the lesson recorded them as they came.
        """
        with observing():
            info = self._api.info()
            journal = Journal.of_engine(info.get("ID") or "")
            since = journal.read().started_ns // SECOND_NS
            now = parse_timestamp(info.get("SystemTime", ""))
            until = math.ceil(now.timestamp()) + 1 if now else None
            remembered = list(self._api.events(since=since, until=until, decode=True))
        recorded = list(read_events(journal.events_path))
        known = {json.dumps(event, sort_keys=True) for event in recorded}
        late = [e for e in remembered if json.dumps(e, sort_keys=True) not in known]
        return sorted([*recorded, *late], key=lambda event: int(event.get("timeNano") or 0))

    def prepared(self, lesson: str) -> Mapping[str, Any]:
        """What ``lab.start`` put in place for a lesson; empty where another is in progress."""
        with observing():
            identity = self._api.info().get("ID") or ""
        entry = Journal.of_engine(identity).read()
        return entry.prepared if entry.lesson == lesson else {}

    def run_in(self, container: ContainerView, *command: str) -> tuple[int, str]:
        """Exit code and output of a program of the student's own running container.

        For what only that program can tell; whatever it says is the student's word.
        """
        with observing():
            try:
                made = self._api.exec_create(container.id, list(command))["Id"]
                output = within(COMMAND_SECONDS, lambda: self._api.exec_start(made))
            except TimeoutError:
                return TIMED_OUT, ""
            except docker.errors.APIError as error:
                if error.status_code in (400, 409):  # it does not run, or has no such program
                    return 127, error.explanation or ""
                raise
            return self._api.exec_inspect(made)["ExitCode"], output.decode("utf-8", "replace")

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

    def is_image(self, container: ContainerView, name: str) -> bool:
        """Whether ``container`` was made from the course's image ``name``, however called."""
        wanted = self._images.get(name)
        if self.is_reference_to(container.image_ref, name):
            return True
        with observing():
            try:
                return bool(self._api.inspect_image(wanted.reference)["Id"] == container.image_id)
            except docker.errors.NotFound:
                return False

    def is_reference_to(self, reference: str, name: str) -> bool:
        """Whether ``reference`` is a way to write the course's image ``name``."""
        wanted = self._images.get(name)
        return any(same_image(reference, one) for one in (wanted.reference, wanted.pull_reference))

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

    @contextmanager
    def inside_network(self, network: NetworkView) -> Iterator[ProbeContainer]:
        """Look from a container of our own on ``network``."""
        with self._tools() as image, probe_container(self._api, image, network.id) as inside:
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
            seconds=lambda: self._patience.settled,
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
