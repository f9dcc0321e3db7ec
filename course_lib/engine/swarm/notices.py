"""Events about what is the swarm's (Moby: ``daemon/events.go``)."""

from __future__ import annotations

from course_lib.engine.events import Events
from course_lib.engine.swarm.model import Blob, Node, Service, Thing
from course_lib.engine.swarm.state import ClusterState

_TYPES = {
    "nodes": "node",
    "networks": "network",
    "services": "service",
    "secrets": "secret",
    "configs": "config",
}


class Notices:
    """Publishes an event for every change of the cluster's state that a user may care for."""

    def __init__(self, state: ClusterState, events: Events) -> None:
        self._events = events
        self._known: dict[str, dict[str, str]] = {}
        for node in state.nodes:
            self._known[node.id] = _watched(node)
        for service in state.services:
            self._known[service.id] = _watched(service)
        state.watch(self._changed)

    def _changed(self, kind: str, action: str, thing: Thing) -> None:
        noun = _TYPES.get(kind)
        if noun is None:
            return
        attributes = {"name": thing.hostname if isinstance(thing, Node) else thing.name}
        now = _watched(thing)
        before = self._known.get(thing.id, {})
        if action == "update" and not isinstance(thing, Blob):
            for key in now.keys() | before.keys():
                if now.get(key, "") != before.get(key, ""):
                    attributes[f"{key}.new"] = now.get(key, "")
                    if before.get(key):
                        attributes[f"{key}.old"] = before[key]
        if action == "remove":
            self._known.pop(thing.id, None)
        else:
            self._known[thing.id] = now
        self._events.publish(noun, action, thing.id, attributes, scope="swarm")


def _watched(thing: Thing) -> dict[str, str]:
    """What events tell the old and the new value of."""
    if isinstance(thing, Node):
        return {
            "state": thing.state,
            "role": str(thing.spec.get("Role", "")),
            "availability": str(thing.spec.get("Availability", "")),
        }
    if isinstance(thing, Service):
        watched = {
            "image": str((thing.template.get("ContainerSpec") or {}).get("Image", "")),
            "updatestate": str((thing.update or {}).get("State", "")),
        }
        if thing.mode == "Replicated":
            watched["replicas"] = str(thing.replicas)
        return watched
    return {}
