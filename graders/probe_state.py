"""The engine's state, as the Docker API tells it: what is there, and how it was made.

A container or network that is missing is a view that says so, never an error; what could not be
observed raises :class:`~graders.expectation.ObservationError`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import docker.errors

from course_lib.images import ImageTable
from graders.engine_view import ContainerView, NetworkView, container_view, network_view
from graders.image_names import same_image
from graders.probe_container import observing
from graders.storage_view import (
    ImageView,
    LayerView,
    VolumeView,
    image_view,
    layer_view,
    volume_view,
)
from graders.swarm_view import ServiceView, TaskView, service_view, task_view

AMBIGUOUS = "multiple IDs found with provided prefix"
"""What the engine answers to a name that nobody has, but with which several IDs begin."""


class EngineState:
    """What is on an engine.

    :param api: the SDK's ``APIClient``.
    :param images: the course's table of images.
    """

    def __init__(self, api: Any, images: ImageTable) -> None:
        self._api = api
        self._images = images

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

    def stack_owner(self, container: ContainerView) -> ContainerView:
        """The container whose network stack this one uses, maybe through others: or itself."""
        seen = container
        while seen.network_mode.startswith("container:"):
            target = seen.network_mode.partition(":")[2]
            with observing():
                try:
                    seen = container_view(self._api.inspect_container(target), None)
                except docker.errors.NotFound:
                    return ContainerView.missing(target[:12])
        return seen

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

    def history(self, image: ImageView) -> list[LayerView]:
        """What made the layers of an image that exists, the latest first (``docker history``)."""
        with observing():
            return [layer_view(layer) for layer in self._api.history(image.id)]

    def layers_of_the_course(self) -> list[LayerView]:
        """What made the layers of those of the course's images that are there."""
        images = (self.image(image.reference) for image in self._images)
        return [layer for image in images if image.exists for layer in self.history(image)]

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

    def programs(self, container: ContainerView) -> list[str] | None:
        """The command lines that run in a container (``docker top``); None where nobody can say."""
        with observing():
            try:
                listed = self._api.top(container.id)
            except docker.errors.APIError:  # it has ended, or this engine has no such list
                return None
        return [row[-1] for row in listed["Processes"] or ()]

    def is_image(self, container: ContainerView, name: str) -> bool:
        """Whether ``container`` was made from the course's image ``name``, however called."""
        if self.is_reference_to(container.image_ref, name):
            return True
        wanted = self.image(self._images.get(name).reference)
        return wanted.exists and wanted.id == container.image_id

    def is_reference_to(self, reference: str, name: str) -> bool:
        """Whether ``reference`` is a way to write the course's image ``name``, by its ID too."""
        wanted = self._images.get(name)
        if any(same_image(reference, one) for one in (wanted.reference, wanted.pull_reference)):
            return True
        named = self.image(reference)
        return named.exists and named.id == self.image(wanted.reference).id

    def _image_config(self, image_id: str) -> Mapping[str, Any] | None:
        try:
            config = self._api.inspect_image(image_id)["Config"]
        except docker.errors.NotFound:  # removed by force under the container
            return None
        return config if isinstance(config, Mapping) else None
