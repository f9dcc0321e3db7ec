"""Putting an engine into the state in which a lesson starts, and taking the lesson's things away.

The order matters: what is to go is worked out first, then clashes with what stays are looked
for, and only where there is none anything is changed.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from course_lib.catalog import Lesson
from course_lib.errors import CourseError, EngineUnavailable, ImageUnavailable, NameClash, PortInUse
from course_lib.images import ImageTable, with_tag
from course_lib.journal import Entry
from course_lib.standing import SWARM_NETWORKS, Standing, brought_by

Announce = Callable[[str], None]
PortFree = Callable[[int], bool]
FOR_EVER = 2**63 - 1
TASKS_END_SECONDS = 20.0
_NOTHING = Standing()


def left_by(
    entry: Entry,
    lessons: Iterable[Lesson],
    now: Standing,
    *,
    own_engine: bool,
    everything: bool = False,
) -> Standing:
    """What of ``now`` the lesson in the journal brought; nothing where it names none.

    :param everything: also what has its names, or might be its own, without the evidence that
        :mod:`course_lib.standing` asks for.
    """
    lesson = next((lesson for lesson in lessons if lesson.key == entry.lesson), None)
    if lesson is None:
        return Standing()
    activity = entry.activity
    if everything:
        activity = replace(activity, end_ns=FOR_EVER)
    brought = brought_by(lesson, now, entry.before, activity, own_engine=own_engine or everything)
    # What the lesson itself made needs no further evidence, and a name as no other has is proof.
    prepared = {str(name) for name in entry.prepared.get("volumes") or ()}
    known = {volume.name for volume in (*brought.volumes, *entry.before.volumes)}
    further = (v for v in now.volumes if v.name in prepared - known)
    return replace(brought, volumes=(*brought.volumes, *further))


def check_clashes(
    lesson: Lesson,
    stays: Standing,
    goes: Standing,
    *,
    port_free: PortFree,
    own_engine: bool,
    doubtful: Standing = _NOTHING,
) -> None:
    """See that nothing which stays has a name or a host port that the lesson needs.

    :param doubtful: the part of ``stays`` that may be the lesson's after all.
    :raises NameClash: naming all that are in the way.
    :raises PortInUse: where ports alone are in the way.
    """
    names = _name_clashes(lesson, stays)
    ports = [*_port_clashes(lesson, stays, goes, port_free)]
    if names:
        listed = ", ".join(f"{kind} {name}" for kind, name in names)
        taken = f"; taken too: {', '.join(ports)}" if ports else ""
        removal = {
            "container": "container rm -f", "network": "network rm", "volume": "volume rm",
            "service": "service rm",
        }  # fmt: skip
        kind, name = names[0]
        hint = f"rename or remove it (docker {removal.get(kind, 'image rm')} {name})"
        if set(names) <= set(_name_clashes(lesson, doubtful)):
            hint = f"if that is from the lesson, lab.clean(everything=True) removes it; else {hint}"
        # The embedded engine's ports are the machine's too; it helps with names alone.
        if not own_engine and not ports:
            hint += ", or use the course's own engine (embedded)"
        raise NameClash(
            f"the lesson needs names that something of your own has: {listed}{taken}; "
            "nothing was changed",
            hint,
        )
    if ports:
        raise PortInUse(
            f"the lesson needs host ports that are taken: {', '.join(ports)}; nothing was changed",
            "stop what holds them",
        )


def _name_clashes(lesson: Lesson, stays: Standing) -> list[tuple[str, str]]:
    return [
        *(("container", c.name) for c in stays.containers if c.name in lesson.containers),
        *(("network", n.name) for n in stays.networks if n.name in lesson.networks),
        *(("volume", v.name) for v in stays.volumes if v.name in lesson.volumes),
        *(("service", s.name) for s in stays.services if s.name in lesson.services),
        *(("image", t) for t in stays.tags if with_tag(t) in map(with_tag, lesson.builds)),
    ]


def _port_clashes(
    lesson: Lesson, stays: Standing, goes: Standing, port_free: PortFree
) -> Iterable[str]:
    freed = {port for container in goes.containers for port in container.ports}
    for port in lesson.ports:
        holder = next((c.name for c in stays.containers if port in c.ports), None)
        if holder:
            yield f"{port} (by container {holder})"
        elif port not in freed and not port_free(port):
            yield f"{port} (by another program on this machine)"


def port_free(port: int, address: str = "") -> bool:
    """Whether a server could listen on that port of this machine.

    :param address: where it would listen; by default on all addresses, as dockerd does. The
        embedded engine publishes on ``127.0.0.1``.
    """
    with contextlib.closing(socket.socket()) as probe:
        # As servers do: connections that ended a moment ago are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            # Without the privilege for a port under 1024 nothing can be told.
            return error.errno == errno.EACCES
    return True


def remove(client: Any, goes: Standing) -> None:
    """Remove these things, containers first, with their anonymous volumes.

    A student's own container on a network that goes is taken off it first, as it was before.
    What has gone already is no error.

    :raises EngineUnavailable: naming what the engine would not remove.
    """
    from docker.errors import APIError, NotFound

    api = client.api
    steps = [
        *((f"service {s.name}", partial(api.remove_service, s.id)) for s in goes.services),
        # Ends the tasks of its services, and takes its networks along.
        *([("Swarm mode", partial(api.leave_swarm, force=True))] if goes.swarm else ()),
        *(
            (f"container {c.name}", partial(api.remove_container, c.id, v=True, force=True))
            # The newest first: Podman removes none that another one's network stack is.
            for c in sorted(goes.containers, key=lambda c: c.created_ns, reverse=True)
        ),
        *((f"network {n.name}", partial(_remove_network, api, n.id)) for n in goes.networks),
        *((f"volume {v.name}", partial(api.remove_volume, v.name)) for v in goes.volumes),
        *((f"image {tag}", partial(api.remove_image, tag)) for tag in goes.tags),
    ]
    for what, step in steps:
        try:
            step()
        except NotFound:
            continue
        except APIError as error:
            # A container that its own --rm is removing at this moment: it goes as wished.
            if error.status_code != 409 or "already in progress" not in str(error):
                raise EngineUnavailable(
                    f"{what} could not be removed: {error.explanation or error}"
                ) from None


def _remove_network(api: Any, network_id: str) -> None:
    from docker.errors import APIError, NotFound

    deadline = time.monotonic() + TASKS_END_SECONDS
    while True:
        details = api.inspect_network(network_id)
        swarm = details.get("Scope") == "swarm" or details.get("Name") in SWARM_NETWORKS
        for container in details.get("Containers") or {}:
            # What is left of a service's tasks there goes by itself.
            if not swarm:
                api.disconnect_container_from_network(container, network_id, force=True)
        try:
            api.remove_network(network_id)
        except NotFound:
            return
        except APIError:
            # The tasks of a service that was removed end a moment later.
            if not swarm or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def ensure_images(
    client: Any, names: Collection[str], table: ImageTable, announce: Announce
) -> list[str]:
    """Pull the images that are not there yet; returns the names of those that were pulled.

    :raises ImageUnavailable: where one cannot be pulled, with what the engine said.
    """
    from docker.errors import APIError, ImageNotFound

    pulled = []
    for name in names:
        image = table.get(name)
        try:
            client.api.inspect_image(image.reference)
            continue
        except ImageNotFound:
            announce(f"pulling {image.pull_reference}")
        try:
            _pull(client.api, image.pull_reference)
            if image.source:
                repository, tag = image.reference.rsplit(":", 1)
                client.api.tag(image.pull_reference, repository, tag)
        except (APIError, CourseError) as error:
            reason = getattr(error, "explanation", None) or str(error)
            raise ImageUnavailable(
                f"the image {image.pull_reference} cannot be pulled: {reason}",
                "check the network, or name another source in the file of COURSE_IMAGES",
            ) from None
        pulled.append(name)
    return pulled


def _pull(api: Any, reference: str) -> None:
    repository, at, digest = reference.partition("@")
    if at:
        tag: str | None = digest
    else:
        repository, tag = reference.rsplit(":", 1)
    for line in api.pull(repository, tag=tag, stream=True, decode=True):
        if "error" in line:
            # A pull that fails half-way has answered 200 by then; the stream says why.
            raise ImageUnavailable(str(line["error"]))
