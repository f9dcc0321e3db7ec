"""A line of ``docker ps``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from course_lib.engine.api.format.containers import mount_point
from course_lib.engine.api.format.endpoints import endpoint
from course_lib.engine.api.format.times import human_duration
from course_lib.engine.api.version import Version
from course_lib.engine.container.container import Container
from course_lib.engine.container.networkview import NetworkView
from course_lib.engine.container.state import State

Json = dict[str, Any]


def row(
    container: Container,
    link_names: Sequence[str],
    network: NetworkView,
    image: str,
    version: Version,
    now_ns: int,
    sizes: tuple[int, int] | None,
) -> Json:
    """A line of ``docker ps``.

    :param link_names: what other containers call it: ``web/db``.
    :param image: the name, or the ID where the name has moved on.
    """
    result: Json = {
        "Id": container.id,
        # In the order of dockerd's index of names, which is alphabetical.
        "Names": sorted(f"/{name}" for name in (container.name, *link_names)),
        "Image": image,
        "ImageID": container.image_id,
        "Command": command_text([container.path, *container.args]),
        "Created": container.created_ns // 1_000_000_000,
        "Ports": list(_port_rows(network)),
    }
    if sizes is not None:
        if sizes[0]:
            result["SizeRw"] = sizes[0]
        if sizes[1]:
            result["SizeRootFs"] = sizes[1]
    result |= {
        "Labels": container.config.labels,
        "State": container.state.status,
        "Status": status_text(container.state, now_ns),
        "HostConfig": {"NetworkMode": container.host_config.network_mode},
        "NetworkSettings": {
            "Networks": {
                name: endpoint(
                    container, name, config, network.endpoints.get(name), version, listing=True
                )
                for name, config in sorted(container.networks.items())
            }
        },
        "Mounts": [mount_point(mount) for mount in container.mounts if mount.shown],
    }
    return result


def command_text(argv: Collection[str]) -> str:
    """Arguments with blanks in single quotes, as dockerd joins them."""
    return " ".join(
        f"'{word.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'" if " " in word else word
        for word in argv
    )


def status_text(state: State, now_ns: int) -> str:
    """``Up 3 minutes``, ``Exited (0) 2 hours ago``."""
    if state.running:
        up = human_duration((now_ns - state.started_ns) / 1e9)
        if state.paused:
            return f"Up {up} (Paused)"
        if state.restarting:
            ago = human_duration((now_ns - state.finished_ns) / 1e9)
            return f"Restarting ({state.exit_code}) {ago} ago"
        if state.health is not None:
            word = state.health.status
            return f"Up {up} ({f'health: {word}' if word == 'starting' else word})"
        return f"Up {up}"
    if state.removing:
        return "Removal In Progress"
    if state.dead:
        return "Dead"
    if not state.started_ns:
        return "Created"
    if not state.finished_ns:
        return ""
    ago = human_duration((now_ns - state.finished_ns) / 1e9)
    return f"Exited ({state.exit_code}) {ago} ago"


def _port_rows(network: NetworkView) -> Collection[Json]:
    rows: list[Json] = []
    for key, bindings in network.ports.items():
        number, _, protocol = key.partition("/")
        if not bindings:
            rows.append({"PrivatePort": int(number), "Type": protocol})
        for address, port in bindings:
            rows.append(
                {
                    "IP": address,
                    "PrivatePort": int(number),
                    "PublicPort": port,
                    "Type": protocol,
                }
            )
    return rows
