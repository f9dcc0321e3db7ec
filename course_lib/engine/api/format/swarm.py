"""Swarms, nodes, services, tasks, secrets and configs as dockerd shows them."""

from __future__ import annotations

from typing import Any

from course_lib.engine.api.format.times import time_text
from course_lib.engine.swarm.agent import VXLAN_OPTION
from course_lib.engine.swarm.defaults import with_defaults
from course_lib.engine.swarm.model import (
    Blob,
    Cluster,
    Json,
    Network,
    Node,
    Service,
    Task,
    Thing,
    rank,
)
from course_lib.engine.swarm.state import ClusterState


def _meta(thing: Thing) -> Json:
    return {
        "ID": thing.id,
        "Version": {"Index": thing.index},
        "CreatedAt": time_text(thing.created_ns),
        "UpdatedAt": time_text(thing.updated_ns),
    }


def cluster(thing: Cluster) -> Json:
    """``GET /swarm`` without tokens, and ``Swarm.Cluster`` of ``GET /info``."""
    return {
        **_meta(thing),
        "Spec": thing.spec,
        "TLSInfo": {},
        "RootRotationInProgress": False,
        "DefaultAddrPool": thing.pools or None,
        "SubnetSize": thing.subnet_size,
        "DataPathPort": thing.data_path_port,
    }


def node(thing: Node) -> Json:
    """``GET /nodes/{id}``."""
    status = {"State": thing.state, "Addr": thing.address}
    if thing.message:
        status["Message"] = thing.message
    result = {
        **_meta(thing),
        "Spec": thing.spec,
        "Description": {**thing.description, "TLSInfo": {}},
        "Status": status,
    }
    if thing.manager_address:
        manager: Json = {"Reachability": "reachable", "Addr": thing.manager_address}
        result["ManagerStatus"] = {"Leader": True, **manager} if thing.leader else manager
    return result


def service(
    thing: Service, state: ClusterState, *, status: bool = False, defaults: bool = False
) -> Json:
    """``GET /services/{id}``; with ``defaults`` what the specification leaves out is filled in."""
    result = {**_meta(thing), "Spec": with_defaults(thing.spec) if defaults else thing.spec}
    if thing.previous is not None:
        result["PreviousSpec"] = thing.previous
    endpoint: Json = {"Spec": _endpoint_spec(thing)}
    if thing.ports:
        endpoint["Ports"] = thing.ports
    if thing.vips:
        endpoint["VirtualIPs"] = [
            {"NetworkID": network, "Addr": address} for network, address in thing.vips.items()
        ]
    result["Endpoint"] = endpoint
    if thing.update is not None:
        result["UpdateStatus"] = _update_status(thing.update)
    if status:
        result["ServiceStatus"] = _service_status(thing, state)
    return result


def _endpoint_spec(thing: Service) -> Json:
    spec = dict(thing.spec.get("EndpointSpec") or {})
    if spec.get("Ports"):
        spec["Ports"] = [
            {**port, "Protocol": port.get("Protocol") or "tcp"} for port in spec["Ports"]
        ]
    return spec


def _update_status(update: Json) -> Json:
    result = {"State": update["State"], "StartedAt": time_text(update["started_ns"])}
    if update.get("completed_ns"):
        result["CompletedAt"] = time_text(update["completed_ns"])
    return {**result, "Message": update["Message"]}


def _service_status(thing: Service, state: ClusterState) -> Json:
    tasks = state.tasks_of(thing.id)
    running = sum(t.status.state == "running" and t.desired == "running" for t in tasks)
    wanted = thing.replicas
    if thing.mode == "Global":
        wanted = sum(rank(t.desired) <= rank("running") for t in tasks)
    return {"RunningTasks": running, "DesiredTasks": wanted, "CompletedTasks": 0}


def task(thing: Task, state: ClusterState) -> Json:
    """``GET /tasks/{id}``."""
    result = {**_meta(thing), "Labels": {}, "Spec": thing.spec, "ServiceID": thing.service_id}
    if thing.slot:
        result["Slot"] = thing.slot
    if thing.node_id:
        result["NodeID"] = thing.node_id
    result["Status"] = _status(thing)
    result["DesiredState"] = thing.desired
    attachments = []
    for network_id, address in thing.addresses.items():
        found = state.networks.get(network_id)
        if found is not None:
            attachments.append({"Network": network(found), "Addresses": [address]})
    if attachments:
        result["NetworksAttachments"] = attachments
    return {**result, "Volumes": None}


def _status(thing: Task) -> Json:
    status = thing.status
    result: Json = {"Timestamp": time_text(status.timestamp_ns), "State": status.state}
    if status.message:
        result["Message"] = status.message
    if status.err:
        result["Err"] = status.err
    if status.container_id:
        result["ContainerStatus"] = {
            "ContainerID": status.container_id,
            "PID": status.pid,
            "ExitCode": status.exit_code,
        }
    result["PortStatus"] = {"Ports": status.ports} if status.ports else {}
    return result


def network(thing: Network) -> Json:
    """A network of the swarm as a task shows it."""
    spec: Json = {
        "Name": thing.name,
        "Labels": thing.spec.get("Labels") or {},
        "DriverConfiguration": {"Name": thing.driver},
    }
    for key in ("Internal", "Attachable", "Ingress"):
        if thing.spec.get(key):
            spec[key] = True
    driver = {"Name": "default"}
    spec["IPAMOptions"] = {"Driver": driver}
    spec["Scope"] = "swarm"
    return {
        **_meta(thing),
        "Spec": spec,
        "DriverState": {"Name": thing.driver, "Options": {VXLAN_OPTION: str(thing.vni)}},
        "IPAMOptions": {"Driver": driver, "Configs": thing.pools},
    }


def blob(thing: Blob, *, with_data: bool) -> Json:
    """A config, or a secret, whose data nobody gets to see again."""
    spec: dict[str, Any] = dict(thing.spec)
    if not with_data:
        spec.pop("Data", None)
    return {**_meta(thing), "Spec": spec}
