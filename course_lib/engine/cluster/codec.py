"""What crosses between a manager and a node, as JSON and back.

``unpack_…`` raise ``KeyError``, ``TypeError`` or ``ValueError`` on what is none; a link takes that
for nonsense of the other side.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from course_lib.engine.swarm.interfaces import (
    Backend,
    LogOptions,
    NetworkAssignment,
    ServiceRecord,
    TaskAssignment,
)
from course_lib.engine.swarm.model import TaskStatus

Json = dict[str, Any]


def pack_network(network: NetworkAssignment) -> Json:
    """A network."""
    return asdict(network)


def unpack_network(record: Mapping[str, Any]) -> NetworkAssignment:
    """A network."""
    return NetworkAssignment(
        id=str(record["id"]),
        created_ns=int(record["created_ns"]),
        spec=dict(record["spec"]),
        pools=[dict(pool) for pool in record["pools"]],
        vni=int(record["vni"]),
        balancer=str(record["balancer"]),
    )


def pack_task(task: TaskAssignment) -> Json:
    """A task; the contents of its files in base 64."""
    record = {name: getattr(task, name) for name in TaskAssignment.__dataclass_fields__}
    record["networks"] = [[pack_network(network), address] for network, address in task.networks]
    record["local_networks"] = list(task.local_networks)
    record["host_ports"] = list(task.host_ports)
    record["files"] = {
        path: [b64encode(content).decode(), mode, uid, gid]
        for path, (content, mode, uid, gid) in task.files.items()
    }
    return record


def unpack_task(record: Mapping[str, Any]) -> TaskAssignment:
    """A task."""
    return TaskAssignment(
        id=str(record["id"]),
        service_id=str(record["service_id"]),
        service_name=str(record["service_name"]),
        service_labels={str(k): str(v) for k, v in record["service_labels"].items()},
        name=str(record["name"]),
        slot=int(record["slot"]),
        node_id=str(record["node_id"]),
        node_hostname=str(record["node_hostname"]),
        desired=str(record["desired"]),
        spec=dict(record["spec"]),
        labels={str(key): str(value) for key, value in record["labels"].items()},
        networks=[
            (unpack_network(network), str(address)) for network, address in record["networks"]
        ],
        local_networks=[str(name) for name in record["local_networks"]],
        host_ports=[dict(port) for port in record["host_ports"]],
        files={
            str(path): (b64decode(content, validate=True), int(mode), int(uid), int(gid))
            for path, (content, mode, uid, gid) in record["files"].items()
        },
    )


def pack_service(record: ServiceRecord) -> Json:
    """A service on a network."""
    return asdict(record)


def unpack_service(record: Mapping[str, Any]) -> ServiceRecord:
    """A service on a network."""
    return ServiceRecord(
        service_id=str(record["service_id"]),
        network_id=str(record["network_id"]),
        name=str(record["name"]),
        aliases=[str(alias) for alias in record["aliases"]],
        vip=str(record["vip"]),
        ports=[dict(port) for port in record["ports"]],
        backends=[
            Backend(str(b["task_id"]), str(b["node_id"]), str(b["address"]))
            for b in record["backends"]
        ],
    )


def pack_status(status: TaskStatus) -> Json:
    """How a task does."""
    return asdict(status)


def unpack_status(record: Mapping[str, Any]) -> TaskStatus:
    """How a task does."""
    return TaskStatus(
        timestamp_ns=int(record["timestamp_ns"]),
        state=str(record["state"]),
        message=str(record["message"]),
        err=str(record["err"]),
        container_id=str(record["container_id"]),
        pid=int(record["pid"]),
        exit_code=int(record["exit_code"]),
        ports=[dict(port) for port in record["ports"]],
    )


def pack_log_options(options: LogOptions) -> Json:
    """Which lines are wanted."""
    return asdict(options)


def unpack_log_options(record: Mapping[str, Any]) -> LogOptions:
    """Which lines are wanted."""
    tail, until = record["tail"], record["until_ns"]
    return LogOptions(
        tail=None if tail is None else int(tail),
        since_ns=int(record["since_ns"]),
        until_ns=None if until is None else int(until),
        follow=record["follow"] is True,
    )
