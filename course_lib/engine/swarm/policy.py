"""Restart and update policies as the API has them, with swarmkit's defaults."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.engine.swarm.model import Json, Task

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a task that has ended is replaced. ``delay`` in seconds, 0 attempts for any number."""

    condition: str = "any"
    delay: float = 5.0
    attempts: int = 0

    def wants(self, task: Task) -> bool:
        """Whether the end of that task calls for another."""
        if self.condition == "none":
            return False
        return self.condition == "any" or task.status.state in {"failed", "rejected"}


def restart_policy(template: Json) -> RestartPolicy:
    """The policy of a ``TaskSpec``."""
    given = template.get("RestartPolicy") or {}
    delay = given.get("Delay")
    return RestartPolicy(
        given.get("Condition") or "any",
        5.0 if delay is None else delay / _SECOND,
        given.get("MaxAttempts") or 0,
    )


@dataclass(frozen=True, slots=True)
class UpdatePolicy:
    """How a service is brought from one specification to the next; times in seconds."""

    parallelism: int = 1
    delay: float = 0.0
    failure_action: str = "pause"
    monitor: float = 5.0
    ratio: float = 0.0
    order: str = "stop-first"


def update_policy(config: Json | None) -> UpdatePolicy:
    """Of ``UpdateConfig`` or ``RollbackConfig``."""
    if config is None:
        return UpdatePolicy()
    return UpdatePolicy(
        config.get("Parallelism", 0),
        (config.get("Delay") or 0) / _SECOND,
        config.get("FailureAction") or "pause",
        (config.get("Monitor") or 5 * _SECOND) / _SECOND,
        config.get("MaxFailureRatio") or 0.0,
        config.get("Order") or "stop-first",
    )
