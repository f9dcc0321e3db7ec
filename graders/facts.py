"""Findings that many checks share: is it there, does it run, from which image, on which network."""

from __future__ import annotations

from collections.abc import Iterable

from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Finding, met, missed
from graders.probe import Probe
from graders.storage_view import ImageView, VolumeView


def runs(container: ContainerView) -> Finding:
    """A container of this name exists and runs."""
    name = container.name
    if container.status == "missing":
        return missed(
            f"there is no container named {name}",
            f"Start a container and give it the name {name} (docker run has an option for names).",
        )
    if container.running:
        return met(f"{name} is running")
    if container.status == "created":
        return missed(
            f"{name} was created but never started",
            "docker ps -a shows it. Did docker print an error when you ran it?"
            " Remove it before you try again: its name is taken.",
        )
    if container.status == "exited":
        return missed(
            f"{name} exited with code {container.exit_code}",
            "A container lives as long as its program. docker logs shows its last words.",
        )
    return missed(f"{name} is {container.status}", "Bring it back to running: see docker ps -a.")


def made_from(probe: Probe, container: ContainerView, image: str) -> Finding:
    """The container's image is the one that the exercise names."""
    if probe.is_image(container, image):
        return met(f"image {container.image_ref}")
    return missed(
        f"{container.name} was made from the image {container.image_ref}",
        f"Remove {container.name} and start it again from the image {image}.",
    )


def on_network(container: ContainerView, network: str) -> Finding:
    """The container is attached to the network of this name."""
    if network in container.addresses:
        return met(f"{container.name} is on {network}")
    return missed(
        f"{container.name} is on {listed(container.addresses)}",
        f"Which option of docker run chooses the network? It has to say {network}.",
    )


def not_on_network(container: ContainerView, network: str) -> Finding:
    """The container (which is there) is not attached to the network of this name."""
    if network not in container.addresses:
        return met(f"{container.name} is on {listed(container.addresses)}")
    return missed(
        f"{container.name} is on {listed(container.addresses)}",
        f"It should not be on {network}. Start it on its own network from the beginning,"
        " or disconnect it.",
    )


def exists(network: NetworkView) -> Finding:
    """A network of this name exists."""
    if network.exists:
        return met(f"network {network.name}, driver {network.driver}")
    return missed(
        f"there is no network named {network.name}",
        "docker network ls shows the networks there are; docker network --help how to make one.",
    )


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: ``dev and prod``, or ``no network``."""
    found = sorted(names)
    if not found:
        return "no network"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def volume_there(volume: VolumeView) -> Finding:
    """A volume of this name exists."""
    if volume.exists:
        return met(f"volume {volume.name}, driver {volume.driver}")
    return missed(
        f"there is no volume named {volume.name}",
        "docker volume ls shows the volumes there are; a volume comes into being when it is"
        " created, or when a container that names it is.",
    )


def image_there(image: ImageView) -> Finding:
    """An image of this name exists."""
    if image.exists:
        return met(f"image {image.reference} is there")
    return missed(
        f"there is no image {image.reference}",
        "docker image ls shows the images there are. Did the command that makes it succeed,"
        " and did you give the name and the tag?",
    )


def has_volume_at(container: ContainerView, path: str, volume: str | None = None) -> Finding:
    """A volume (of this name) is mounted at ``path``; a bind mount or a tmpfs is none."""
    mount = container.mount_at(path)
    wanted = f"the volume {volume}" if volume else "a volume"
    if mount is None:
        where = listed(m.target for m in container.mounts) if container.mounts else "nowhere"
        return missed(
            f"nothing is mounted at {path} of {container.name} (mounts: {where})",
            f"Mounts are chosen when a container is made. Make {container.name} anew, with"
            f" {wanted} at {path}.",
        )
    if mount.type != "volume":
        kind = {"bind": f"the host's {mount.source}", "tmpfs": "a tmpfs"}.get(mount.type, "a mount")
        return missed(
            f"at {path} of {container.name} is {kind}",
            "A volume has a name instead of a host path. A source with a slash in it is a path.",
        )
    if volume and mount.name != volume:
        return missed(
            f"at {path} of {container.name} is the volume {mount.name[:20]}",
            f"It has to be {wanted}: the name stands before the colon.",
        )
    return met(f"the volume {mount.name[:20]} is at {path} of {container.name}")
