"""What holds where a service's specification says nothing (swarmkit: ``api/defaults``).

Shown by ``GET /services/{id}?insertDefaults=1`` (``docker service inspect``).
"""

from __future__ import annotations

from copy import deepcopy

from course_lib.engine.swarm.model import Json

_SECOND = 1_000_000_000
_UPDATE: Json = {
    "Parallelism": 1,
    "FailureAction": "pause",
    "Monitor": 5 * _SECOND,
    "MaxFailureRatio": 0,
    "Order": "stop-first",
}
_TASK: Json = {
    "ContainerSpec": {"StopGracePeriod": 10 * _SECOND, "DNSConfig": {}},
    "Resources": {},
    "RestartPolicy": {"Condition": "any", "Delay": 5 * _SECOND, "MaxAttempts": 0},
    "Placement": {},
}


def with_defaults(spec: Json) -> Json:
    """A copy of a ``ServiceSpec`` with all that is left to defaults filled in."""
    result = deepcopy(spec)
    _fill(result.setdefault("TaskTemplate", {}), _TASK)
    _fill(result, {"UpdateConfig": _UPDATE, "RollbackConfig": _UPDATE})
    return result


def _fill(target: Json, defaults: Json) -> None:
    for key, value in defaults.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _fill(target[key], value)
        elif target.get(key) is None:
            target[key] = deepcopy(value)
