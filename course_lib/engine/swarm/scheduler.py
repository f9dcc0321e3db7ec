"""On which node a task runs (swarmkit: ``manager/scheduler``, ``manager/constraint``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course_lib.engine.errdefs import EngineError
from course_lib.engine.swarm.model import Node, Service, Task
from course_lib.engine.swarm.state import ClusterState

_KEY = re.compile(r"(?i)[a-z_][a-z0-9\-_.]+")
_VALUE = re.compile(r"(?i)[a-z0-9:\-_\s.*()?+\[\]\\^$|/]+")


@dataclass(frozen=True, slots=True)
class Constraint:
    """``node.labels.zone==east``."""

    key: str
    equal: bool
    value: str

    def met(self, node: Node) -> bool:
        """Whether a node fulfils it."""
        key, actual = self.key, ""
        lower = key.lower()
        if lower == "node.id":
            actual = node.id
        elif lower == "node.hostname":
            actual = node.hostname
        elif lower == "node.ip":
            actual = node.address
        elif lower == "node.role":
            actual = str(node.spec.get("Role", "worker"))
        elif lower == "node.platform.os":
            actual = (node.description.get("Platform") or {}).get("OS", "")
        elif lower == "node.platform.arch":
            actual = (node.description.get("Platform") or {}).get("Architecture", "")
        elif lower.startswith("node.labels."):
            actual = (node.spec.get("Labels") or {}).get(key[len("node.labels.") :], "")
        elif lower.startswith("engine.labels."):
            labels = (node.description.get("Engine") or {}).get("Labels") or {}
            actual = labels.get(key[len("engine.labels.") :], "")
        else:
            return False
        return (actual.lower() == self.value.lower()) is self.equal


def parse_constraints(texts: Iterable[str]) -> list[Constraint]:
    """Read constraints.

    :raises EngineError: with swarmkit's text.
    """
    found = []
    for text in texts:
        for operator in ("==", "!="):
            key, given, value = text.partition(operator)
            if not given:
                continue
            key, value = key.strip(), value.strip()
            if not _KEY.fullmatch(key):
                raise _unknown(f"key '{key}' is invalid")
            if not _VALUE.fullmatch(value):
                raise _unknown(f"value '{value}' is invalid")
            found.append(Constraint(key, operator == "==", value))
            break
        else:
            raise _unknown("constraint expected one operator from ==, !=")
    return found


def _unknown(text: str) -> EngineError:
    return EngineError(f"rpc error: code = Unknown desc = {text}")


def constraints_of(spec: dict[str, object]) -> Sequence[Constraint]:
    """The constraints of a ``TaskSpec``."""
    placement = spec.get("Placement") or {}
    assert isinstance(placement, dict)
    return parse_constraints(placement.get("Constraints") or ())


def eligible(node: Node, spec: dict[str, object]) -> bool:
    """Whether a node may get tasks of that kind at all."""
    return _usable(node) and all(c.met(node) for c in constraints_of(spec))


def _usable(node: Node) -> bool:
    return node.state == "ready" and node.spec.get("Availability", "active") == "active"


class Scheduler:
    """Chooses nodes: the one with the fewest tasks of the service, then the fewest at all."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    def choose(self, task: Task, service: Service | None) -> tuple[Node | None, str]:
        """A node for a task, or why there is none."""
        nodes = list(self._state.nodes)
        usable = [node for node in nodes if _usable(node)]
        constraints = constraints_of(task.spec)
        fitting = [node for node in usable if all(c.met(node) for c in constraints)]
        if task.host_ports:
            fitting = [node for node in fitting if not self._port_clash(task, node)]
            if not fitting and usable:
                return None, _nobody(
                    len(usable), len(nodes) - len(usable), "host-mode port already in use on {}"
                )
        limit = int((task.spec.get("Placement") or {}).get("MaxReplicas") or 0)
        if limit:
            fitting = [n for n in fitting if len(self._of_service(task.service_id, n)) < limit]
            if not fitting and usable:
                return None, _nobody(
                    len(usable), len(nodes) - len(usable), "max replicas per node limit exceed"
                )
        if fitting:
            return min(fitting, key=lambda n: self._load(task, n)), ""
        text = "scheduling constraints not satisfied on {}" if usable else ""
        return None, _nobody(len(usable), len(nodes) - len(usable), text)

    def _of_service(self, service_id: str, node: Node) -> list[Task]:
        return [
            t
            for t in self._state.tasks
            if t.service_id == service_id and t.active and t.node_id == node.id
        ]

    def _load(self, task: Task, node: Node) -> tuple[int, int]:
        active = [t for t in self._state.tasks if t.node_id == node.id and t.active]
        return sum(t.service_id == task.service_id for t in active), len(active)

    def _port_clash(self, task: Task, node: Node) -> bool:
        wanted = {(p.get("Protocol", "tcp"), p.get("PublishedPort", 0)) for p in task.host_ports}
        wanted = {key for key in wanted if key[1]}
        for other in self._state.tasks:
            if other.id == task.id or other.node_id != node.id or other.ended:
                continue
            if any(
                (p.get("Protocol", "tcp"), p.get("PublishedPort", 0)) in wanted
                for p in other.host_ports
            ):
                return True
        return False


def _nobody(usable: int, unusable: int, text: str) -> str:
    reasons = []
    if text:
        reasons.append(text.format(_nodes(usable)))
    if unusable:
        reasons.append(f"{_nodes(unusable)} not available for new tasks")
    return f"no suitable node ({'; '.join(reasons)})" if reasons else "no suitable node"


def _nodes(count: int) -> str:
    return f"{count} node" if count == 1 else f"{count} nodes"
