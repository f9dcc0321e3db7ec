"""Looking into the volumes and the mounted paths of a topology, through the engine alone.

What a container has mounted is read from that container. For volumes that no container has, a
container is made that is never started; it goes again at once.

A container that never ran is not read from: for ``GET /containers/{id}/archive`` the engine mounts
its volumes and makes the folders where they go, which ``docker diff`` shows from then on (moby
``daemon/containerfs_linux.go``).
"""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from course_lib import inside
from course_lib.contents import Contents, read
from course_lib.topology import Container, StoreKey, Topology

MOST_STORES = 60
SECONDS = 3.0
"""For all of it: a picture is not worth a longer wait."""
AT_ONCE = 4


def look_into(
    client: Any,
    topology: Topology,
    *,
    image: str = "",
    known: Mapping[StoreKey, Contents] | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> Topology:
    """The same topology with what is in its volumes and mounted paths.

    :param client: a :class:`docker.DockerClient`.
    :param image: what to make a container from, for volumes that no container has; where it is
        empty or not there, those keep what is ``known``.
    """
    ends = monotonic() + SECONDS
    seen: dict[StoreKey, Contents] = {}
    with _holder(client, image, _loose(client, topology) if image else []) as held:
        jobs = {**held, **_jobs(topology)}

        def look(key: StoreKey) -> tuple[StoreKey, Contents | None]:
            container, path, besides = jobs[key]
            late = monotonic() > ends
            return key, None if late else read(client.api, container, path, besides=besides)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for key, found in pool.map(look, list(jobs)[:MOST_STORES]):
                if found is not None:
                    seen[key] = found
    there = {("volume", volume.name) for volume in topology.volumes} - set(jobs)
    kept = {key: found for key, found in (known or {}).items() if key in there}
    return replace(topology, contents={**kept, **seen})


def _jobs(topology: Topology) -> dict[StoreKey, tuple[str, str, Collection[str]]]:
    """By volume or path: a container that has it, the path there, and what else is below."""
    found: dict[StoreKey, tuple[str, str, Collection[str]]] = {}
    for container in sorted(_that_ran(topology), key=lambda c: not c.running):
        for mount in container.mounts:
            if mount.kind in ("volume", "bind"):
                below = _below(container, mount.target)
                found.setdefault((mount.kind, mount.source), (container.id, mount.target, below))
    return found


def _that_ran(topology: Topology) -> list[Container]:
    return [container for container in topology.containers if container.state != "created"]


def _below(container: Container, target: str) -> tuple[str, ...]:
    start = posixpath.normpath(target).rstrip("/") + "/"
    return tuple(m.target for m in container.mounts if m.target.startswith(start))


def _loose(client: Any, topology: Topology) -> list[str]:
    """Plain local volumes that no container has which ever ran.

    Others (of a plugin, NFS) would have to be mounted from elsewhere to be looked into.
    """
    used = {m.source for c in _that_ran(topology) for m in c.mounts if m.kind == "volume"}
    wanted = {v.name for v in topology.volumes if v.driver == "local" and v.name not in used}
    if not wanted:
        return []
    listed = client.api.volumes()["Volumes"] or []
    return [v["Name"] for v in listed if v["Name"] in wanted and not v.get("Options")]


@contextmanager
def _holder(
    client: Any, image: str, volumes: list[str]
) -> Iterator[dict[StoreKey, tuple[str, str, Collection[str]]]]:
    """A container that has these volumes, each at a path of its own, and never starts."""
    from docker.errors import APIError

    places = {name: f"/look/{number}" for number, name in enumerate(volumes[:MOST_STORES])}
    if not places:
        yield {}
        return
    try:
        # Without nocopy an empty volume would be filled from the image.
        binds = [f"{name}:{place}:ro,nocopy" for name, place in places.items()]
        made = inside.make(client.api, image, "none", command=("true",), binds=binds, start=False)
    except APIError:
        yield {}
        return
    try:
        yield {("volume", name): (made, place, ()) for name, place in places.items()}
    finally:
        inside.remove(client.api, made)
