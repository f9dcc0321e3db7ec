"""What a container of a task is to be (Moby: ``daemon/cluster/executor/container``)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from course_lib.engine.container.config import (
    ContainerConfig,
    EndpointConfig,
    HostConfig,
    HostPort,
)
from course_lib.engine.container.create import CreateRequest
from course_lib.engine.swarm.interfaces import TaskAssignment
from course_lib.engine.swarm.model import Json

_TEMPLATE = re.compile(r"\{\{\s*\.([\w.]+)\s*\}\}")
_SECOND = 1_000_000_000


def create_request(assignment: TaskAssignment, host: str = "") -> CreateRequest:
    """The container that a task asks for, with its networks and its addresses there.

    :param host: address of this machine at which the node's own ports are published.
    """
    container: Json = assignment.spec.get("ContainerSpec") or {}
    expand = _Expander(assignment)
    config = ContainerConfig(
        image=container.get("Image", ""),
        hostname=expand(container.get("Hostname", "")),
        user=container.get("User", ""),
        tty=container.get("TTY", False),
        open_stdin=container.get("OpenStdin", False),
        env=[expand(entry) for entry in container.get("Env") or ()] or None,
        cmd=list(container["Args"]) if container.get("Args") else None,
        entrypoint=list(container["Command"]) if container.get("Command") else None,
        working_dir=container.get("Dir", ""),
        labels=dict(assignment.labels),
        stop_signal=container.get("StopSignal", ""),
        healthcheck=container.get("Healthcheck"),
        exposed_ports=_exposed(assignment),
    )
    return CreateRequest(
        assignment.name,
        config,
        _host_config(assignment, container, expand, host),
        _networks(assignment),
    )


def stop_grace(assignment: TaskAssignment) -> int:
    """Seconds that a task's program has to end."""
    container: Json = assignment.spec.get("ContainerSpec") or {}
    grace = container.get("StopGracePeriod")
    return 10 if grace is None else max(0, int(grace // _SECOND))


def _host_config(
    assignment: TaskAssignment, container: Json, expand: _Expander, host: str
) -> HostConfig:
    dns = container.get("DNSConfig") or {}
    mounts = [
        {**mount, "Source": expand(mount.get("Source", ""))}
        for mount in container.get("Mounts") or ()
    ]
    return HostConfig(
        network_mode=_predefined(assignment) or "bridge",
        mounts=mounts or None,
        port_bindings=_bindings(assignment, host),
        dns=dns.get("Nameservers") or None,
        dns_search=dns.get("Search") or None,
        dns_options=dns.get("Options") or None,
        extra_hosts=_hosts(container.get("Hosts") or ()) or None,
        group_add=container.get("Groups") or None,
        readonly_rootfs=container.get("ReadOnly", False),
        init=container.get("Init"),
        passive=_limits(assignment.spec),
    )


def _predefined(assignment: TaskAssignment) -> str:
    """The node's own network (``host``, ``bridge`` …) that a service asks for, if it does."""
    return next((name for name in assignment.local_networks if name in {"host", "none"}), "")


def _networks(assignment: TaskAssignment) -> dict[str, EndpointConfig]:
    aliases = {
        entry.get("Target"): list(entry.get("Aliases") or ())
        for entry in assignment.spec.get("Networks") or ()
    }
    networks = {}
    for network, address in assignment.networks:
        networks[str(network.spec["Name"])] = EndpointConfig(
            network_id=network.id,
            address=address.partition("/")[0],
            ipam=True,
            aliases=aliases.get(network.id) or None,
        )
    for name in assignment.local_networks:
        networks[name] = EndpointConfig()
    return networks


def _exposed(assignment: TaskAssignment) -> dict[str, Any] | None:
    ports: dict[str, Any] = {_port(entry): {} for entry in assignment.host_ports}
    return ports or None


def _bindings(assignment: TaskAssignment, host: str) -> dict[str, list[HostPort] | None] | None:
    bindings: dict[str, list[HostPort] | None] = {}
    for entry in assignment.host_ports:
        group = bindings.setdefault(_port(entry), [])
        assert group is not None
        group.append(HostPort(host, str(entry.get("PublishedPort") or "")))
    return bindings or None


def _port(entry: Json) -> str:
    return f"{entry['TargetPort']}/{entry.get('Protocol') or 'tcp'}"


def _hosts(entries: Sequence[str]) -> list[str]:
    """``ADDRESS NAME [ALIAS …]`` as ``--add-host`` has it."""
    found = []
    for entry in entries:
        address, *names = entry.split()
        found += [f"{name}:{address}" for name in names]
    return found


def _limits(spec: Json) -> dict[str, Any]:
    resources = spec.get("Resources") or {}
    limits, reserved = resources.get("Limits") or {}, resources.get("Reservations") or {}
    found = {
        "Memory": limits.get("MemoryBytes"),
        "NanoCpus": limits.get("NanoCPUs"),
        "PidsLimit": limits.get("Pids"),
        "MemoryReservation": reserved.get("MemoryBytes"),
    }
    return {key: value for key, value in found.items() if value}


class _Expander:
    """Replaces ``{{.Task.Slot}}`` and its kin."""

    def __init__(self, assignment: TaskAssignment) -> None:
        self._values = {
            "Service.ID": assignment.service_id,
            "Service.Name": assignment.service_name,
            "Node.ID": assignment.node_id,
            "Node.Hostname": assignment.node_hostname,
            "Task.ID": assignment.id,
            "Task.Name": assignment.name,
            "Task.Slot": str(assignment.slot),
        }
        self._labels = assignment.service_labels

    def __call__(self, text: str) -> str:
        return _TEMPLATE.sub(self._value, text) if "{{" in text else text

    def _value(self, match: re.Match[str]) -> str:
        key = match[1]
        if key.startswith("Service.Labels."):
            return self._labels.get(key.removeprefix("Service.Labels."), "")
        return self._values.get(key, match[0])
