"""What the Docker API says of services and their tasks, frozen at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One service as ``docker service inspect`` shows it; no ``id`` where there is none."""

    id: str
    name: str
    image: str = ""
    """As it was asked for: without the digest that a manager adds."""
    replicas: int | None = None
    """None for a global service."""
    networks: tuple[str, ...] = ()
    """IDs or names, as the engine keeps them."""

    @classmethod
    def missing(cls, name: str) -> ServiceView:
        """What is seen of a service that does not exist."""
        return cls("", name)

    @property
    def exists(self) -> bool:
        return bool(self.id)


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a service."""

    slot: int
    state: str
    wanted: str
    """The state that the manager wants."""

    @property
    def running(self) -> bool:
        return self.state == self.wanted == "running"


def service_view(document: Mapping[str, Any]) -> ServiceView:
    """From an entry of ``GET /services``."""
    spec = document["Spec"]
    template = spec.get("TaskTemplate") or {}
    mode = spec.get("Mode") or {}
    replicated = mode.get("Replicated")
    # Up to API 1.43 networks may stand beside the template.
    attachments = [*(template.get("Networks") or ()), *(spec.get("Networks") or ())]
    return ServiceView(
        id=document["ID"],
        name=spec["Name"],
        image=str((template.get("ContainerSpec") or {}).get("Image") or "").partition("@")[0],
        replicas=replicated.get("Replicas", 1) if isinstance(replicated, Mapping) else None,
        networks=tuple(str(attachment.get("Target")) for attachment in attachments),
    )


def task_view(document: Mapping[str, Any]) -> TaskView:
    """From an entry of ``GET /tasks``."""
    return TaskView(
        slot=int(document.get("Slot") or 0),
        state=str((document.get("Status") or {}).get("State") or ""),
        wanted=str(document.get("DesiredState") or ""),
    )
