"""Networks of the swarm as ``docker network ls`` and ``inspect`` show them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from course_lib.engine.api.format.times import time_text
from course_lib.engine.swarm.agent import VXLAN_OPTION
from course_lib.engine.swarm.manager import Manager
from course_lib.engine.swarm.model import Json, Network


def predefined(local: Json) -> Json:
    """A network of each node's own that services may use, as the swarm has it.

    :param local: as this node shows its own, whose ID it keeps here.
    """
    return local | {
        "Scope": "swarm",
        "IPAM": {"Driver": "", "Options": None, "Config": []},
        "Containers": None,
        "Options": None,
        "Labels": {"com.docker.swarm.predefined": "true"},
    }


def unused(network: Network) -> Json:
    """A network that nothing on this node uses: what the manager knows of it."""
    spec = network.spec
    allocated = bool(network.pools)
    options = {**(spec.get("Options") or {}), VXLAN_OPTION: str(network.vni)}
    return {
        "Name": network.name,
        "Id": network.id,
        "Created": time_text(network.created_ns),
        "Scope": "swarm",
        "Driver": network.driver if allocated else "",
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default" if allocated else "",
            "Options": None,
            "Config": network.pools or None,
        },
        "Internal": network.internal,
        "Attachable": network.attachable,
        "Ingress": network.ingress,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": None,
        "Options": options if allocated else None,
        "Labels": spec.get("Labels") or None,
    }


def peers(nodes: Sequence[tuple[str, str]]) -> list[Json]:
    """The nodes (ID, address) that have a network up."""
    return [
        {"Name": hashlib.sha256(node.encode()).hexdigest()[:12], "IP": address}
        for node, address in nodes
    ]


def services(network_id: str, manager: Manager, endpoints: dict[str, str]) -> Json:
    """``Services`` of ``docker network inspect --verbose``.

    :param endpoints: address → ID of the endpoints on this node.
    """
    state = manager.state
    result: Json = {}
    for number, service in enumerate(s for s in state.services if network_id in s.networks):
        tasks = []
        for task in state.tasks_of(service.id):
            if task.status.state != "running" or network_id not in task.addresses:
                continue
            address = task.addresses[network_id].partition("/")[0]
            node = state.nodes.get(task.node_id)
            tasks.append(
                {
                    "Name": task.name,
                    "EndpointID": endpoints.get(address, ""),
                    "EndpointIP": address,
                    "Info": {"Host IP": node.address if node is not None else ""},
                }
            )
        if tasks:
            result[service.name] = {
                "VIP": service.vips.get(network_id, "").partition("/")[0],
                "Ports": [],
                "LocalLBIndex": 256 + number,
                "Tasks": tasks,
            }
    return result
