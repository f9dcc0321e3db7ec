"""Findings that many checks share: is it there, does it run, from which image, on which network."""

from __future__ import annotations

from collections.abc import Iterable

from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Finding, met, missed
from graders.probe import Probe


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
