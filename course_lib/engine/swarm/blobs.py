"""Secrets and configs as files of a container (swarmkit: ``SecretReference_FileTarget``)."""

from __future__ import annotations

import base64
from typing import Any

from course_lib.engine.swarm.model import Json
from course_lib.engine.swarm.state import ClusterState

File = tuple[bytes, int, int, int]
SECRETS = "/run/secrets/"


def files_of(state: ClusterState, container: Json) -> dict[str, File]:
    """Path → (content, mode, uid, gid) of all that a ``ContainerSpec`` refers to."""
    files: dict[str, File] = {}
    for reference in container.get("Secrets") or ():
        secret = state.secrets.get(reference.get("SecretID", ""))
        target = reference.get("File")
        if secret is not None and target:
            name = target.get("Name") or secret.name
            path = name if name.startswith("/") else SECRETS + name
            files[path] = _file(secret.spec, target)
    for reference in container.get("Configs") or ():
        config = state.configs.get(reference.get("ConfigID", ""))
        target = reference.get("File")
        if config is not None and target:
            name = target.get("Name") or config.name
            path = name if name.startswith("/") else "/" + name
            files[path] = _file(config.spec, target)
    return files


def _file(spec: Json, target: dict[str, Any]) -> File:
    mode = target.get("Mode")
    return (
        base64.b64decode(spec.get("Data") or ""),
        0o444 if mode is None else mode,
        int(target.get("UID") or 0),
        int(target.get("GID") or 0),
    )
