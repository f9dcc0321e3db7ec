"""Findings that many checks share: is it there, does it run, from which image, on which network."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from graders.engine_view import ContainerView, NetworkView
from graders.expectation import Finding, met, missed
from graders.host_paths import host_path
from graders.probe import Probe
from graders.sketch import Shown, State, Thing
from graders.storage_view import ImageView, MountView, VolumeView

_SHELLS = {"sh", "ash", "bash", "dash"}
_STOPPED = {128 + 9, 128 + 15}
"""Exit codes of a program that was killed, or asked to end, as docker stop does."""
_EXCERPT = 60
"""Characters of a text that somebody else wrote, in a sentence of ours."""


ANY_VOLUME = Thing("volume", "of any name")
"""A volume that is expected, whatever it is called, for a drawing."""


def box(container: ContainerView) -> Thing:
    """A container, for a drawing."""
    return Thing("container", container.name)


def mounted(mount: MountView) -> Thing:
    """What is mounted, for a drawing."""
    if mount.type == "volume":
        anonymous = len(mount.name) == 64
        return Thing("volume", mount.name[:12] if anonymous else mount.name)
    if mount.type == "tmpfs":
        return Thing("memory", "tmpfs")
    return Thing("path", host_path(mount.source))


def described(mount: MountView) -> str:
    """What is mounted, in a sentence in which something else was asked for."""
    if mount.type == "volume":
        return f"the volume {mounted(mount).name}"
    if mount.type == "bind":
        return f"a bind mount: {host_path(mount.source)} of the host"
    return f"a {mount.type}"


def links(state: State, container: ContainerView, networks: Iterable[str]) -> Iterator[Shown]:
    """From a container to each of these networks, for a drawing."""
    for network in sorted(networks):
        yield Shown(state, box(container), Thing("network", network))


def port_links(state: State, container: ContainerView, ports: Iterable[int]) -> Iterator[Shown]:
    """From a container to each of these host ports, for a drawing."""
    for port in sorted(set(ports)):
        yield Shown(state, box(container), Thing("port", str(port)))


def runs(container: ContainerView) -> Finding:
    """A container of this name exists and runs."""
    name = container.name
    wrong = Shown("wrong", box(container), words=container.status)
    if container.status == "missing":
        return missed(
            f"there is no container named {name}",
            f"Start a container and give it the name {name} (docker run has an option for names).",
            Shown("missing", box(container)),
        )
    if container.running:
        return met(f"{name} is running", Shown("met", box(container)))
    if container.status == "created":
        return missed(
            f"{name} was created but never started",
            "docker ps -a shows it. Did docker print an error when you ran it?"
            " Remove it before you try again: its name is taken.",
            wrong,
        )
    if container.status == "exited":
        return missed(
            f"{name} exited with code {container.exit_code}",
            _lives_again(container),
            Shown("wrong", box(container), words=f"exited ({container.exit_code})"),
        )
    if container.status == "restarting":
        return missed(
            f"{name} is restarting: its program ended with code {container.exit_code}",
            "It ends each time that it is started. docker logs shows its last words.",
            wrong,
        )
    return missed(
        f"{name} is {container.status}", "Bring it back to running: see docker ps -a.", wrong
    )


def _lives_again(container: ContainerView) -> str:
    """What helps a container whose program ended."""
    alive = "A container lives as long as its program"
    if container.exit_code in _STOPPED:
        return f"{alive}. If this one was stopped, docker start lets it run again."
    if container.exit_code == 0 and container.program in _SHELLS:
        # Nothing is wrong, and the logs are empty: a shell without input, a sleep that is over.
        return (
            f"{alive}: give it one that goes on, such as sleep 1000. If it had one, and that is"
            " over, docker start begins it again."
        )
    return f"{alive}. docker logs shows its last words."


def made_from(probe: Probe, container: ContainerView, image: str) -> Finding:
    """The container's image is the one that the exercise names."""
    if probe.is_image(container, image):
        return met(f"image {container.image_ref}")
    return missed(
        f"{container.name} was made from the image {container.image_ref}",
        f"Remove {container.name} and start it again from the image {image}.",
        Shown("wrong", box(container), words=f"from {container.image_ref}"),
    )


def itself(probe: Probe, container: ContainerView, answered: Finding) -> Finding:
    """What ``answered``, unless another did in the place of ``container``, from its network stack.

    Asked only where its image's program was not left to run: then its processes are looked at.
    """
    name = container.program
    if container.own_command or not name or name in _SHELLS:
        return answered
    stack = probe.stack_owner(container).id
    others = [
        one.name
        for one in probe.containers()
        if one.running and one.id != container.id and probe.stack_owner(one).id == stack
    ]
    programs = probe.programs(container) if others else None
    if programs is None or any(name in p for p in programs if _first_word(p) not in _SHELLS):
        return answered
    return missed(
        f"{listed(others)} answers in the place of {container.name}, which runs {listed(programs)}",
        f"{container.name} has to answer itself: start it without a command of your own.",
        Shown("wrong", box(container), words=f"no {name}"),
    )


def _first_word(command: str) -> str:
    return posixpath.basename(command.partition(" ")[0])


def on_network(container: ContainerView, network: NetworkView, hint: str = "") -> Finding:
    """The container is attached to the network.

    :param hint: for lessons in which ``docker run`` is not the way.
    """
    name = network.name
    if name in container.addresses:
        return met(f"{container.name} is on {name}", *links("met", container, [name]))
    there = exists(network)
    shows = (
        *there.shows,
        *links("missing", container, [name]),
        *links("other", container, container.addresses),
    )
    if not there.passed:
        return replace(there, shows=shows)
    return missed(
        f"{container.name} is on {listed(container.addresses)}",
        hint or f"Which option of docker run chooses the network? It has to say {name}.",
        *shows,
    )


def runs_on(container: ContainerView, network: NetworkView, hint: str = "") -> Finding:
    """It is running, and attached to the network: drawn, whether it runs or not."""
    return runs(container).also(lambda: on_network(container, network, hint), drawn=True)


def not_on_network(container: ContainerView, network: str) -> Finding:
    """The container (which is there) is not attached to the network of this name."""
    if network not in container.addresses:
        return met(f"{container.name} is on {listed(container.addresses)}")
    return missed(
        f"{container.name} is on {listed(container.addresses)}",
        f"It should not be on {network}. Start it on its own network from the beginning,"
        " or disconnect it.",
        *links("wrong", container, [network]),
    )


def exists(network: NetworkView) -> Finding:
    """A network of this name exists."""
    thing = Thing("network", network.name)
    if network.exists:
        return met(f"network {network.name}, driver {network.driver}", Shown("met", thing))
    return missed(
        f"there is no network named {network.name}",
        "docker network ls shows the networks there are; docker network --help how to make one.",
        Shown("missing", thing),
    )


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: ``dev and prod``, or ``no network``."""
    found = sorted(names)
    if not found:
        return "no network"
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def excerpt(text: str) -> str:
    """The beginning of a text in quotes, on one line; an ellipsis says that it goes on."""
    line = " ".join(text.split())
    if len(line) <= _EXCERPT:
        return repr(line)
    head = line[:_EXCERPT]
    # At a blank, unless that would leave next to nothing.
    whole, _, part = head.rpartition(" ")
    return repr(f"{whole if whole and len(part) < _EXCERPT // 2 else head} \N{HORIZONTAL ELLIPSIS}")


def volume_there(volume: VolumeView) -> Finding:
    """A volume of this name exists."""
    thing = Thing("volume", volume.name)
    if volume.exists:
        return met(f"volume {volume.name}, driver {volume.driver}", Shown("met", thing))
    return missed(
        f"there is no volume named {volume.name}",
        "docker volume ls shows the volumes there are; a volume comes into being when it is"
        " created, or when a container that names it is.",
        Shown("missing", thing),
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


def has_volume_at(container: ContainerView, path: str, volume: VolumeView | None = None) -> Finding:
    """A volume (this one) is mounted at ``path``; a bind mount or a tmpfs is none."""
    mount = container.mount_at(path)
    wanted = f"the volume {volume.name}" if volume else "a volume"
    missing = [Shown("missing", box(container), ANY_VOLUME, path)]
    if volume:
        asked = Thing("volume", volume.name)
        missing = [
            Shown("met" if volume.exists else "missing", asked),
            Shown("missing", box(container), asked, path),
        ]
    anew = f"Make {container.name} anew, with {wanted} at {path}."
    if mount is None:
        others = f"mounts: {listed(m.target for m in container.mounts)}"
        return missed(
            f"nothing is mounted at {path} of {container.name}"
            f" ({others if container.mounts else 'it has no mounts'})",
            f"Mounts are chosen when a container is made. {anew}",
            *missing,
            *(Shown("other", box(container), mounted(m), m.target) for m in container.mounts),
        )
    there = mounted(mount)
    wrong = Shown("wrong", box(container), there, path)
    if mount.type != "volume":
        return missed(
            f"at {path} of {container.name} is no volume, but {described(mount)}",
            f"What is in memory is gone when the container stops. {anew}"
            if mount.type == "tmpfs"
            else "A volume has no path of the host: a source with a slash in it is a path.",
            *missing,
            wrong,
        )
    if volume and mount.name != volume.name:
        return missed(
            f"at {path} of {container.name} is the volume {there.name}",
            f"It has to be {wanted}: the name stands before the colon.",
            *missing,
            wrong,
        )
    return met(
        f"the volume {there.name} is at {path} of {container.name}",
        Shown("met", box(container), there, path),
    )
