"""Secrets and configs as files of a container (swarmkit: ``SecretReference_FileTarget``)."""

from __future__ import annotations

import base64
import re
from typing import Any

from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine
from course_lib.engine.ids import Identities
from course_lib.engine.swarm import rpc
from course_lib.engine.swarm.model import Blob, Json
from course_lib.engine.swarm.state import ClusterState, Table
from course_lib.engine.swarm.tokens import new_id

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


_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-_.]{0,62}[a-zA-Z0-9])?")
_LARGEST = {"secret": 512_000, "config": 1_024_000}


class Blobs:
    """What a user does with secrets or configs (swarmkit: ``controlapi/secret.go``).

    :param noun: ``secret`` or ``config``.
    """

    def __init__(self, noun: str, table: Table[Blob], state: ClusterState, ids: Identities) -> None:
        self._noun = noun
        self.table = table
        self._state = state
        self._ids = ids

    def create(self, spec: Json) -> Blob:
        """Keep one.

        :raises EngineError: with dockerd's text.
        """
        name = str(spec.get("Name", ""))
        if not name:
            raise rpc.invalid("name must be provided")
        if not _NAME.fullmatch(name):
            raise rpc.invalid(
                "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end "
                "character must be [a-zA-Z0-9]"
            )
        if spec.get("Driver") or spec.get("Templating"):
            raise NotImplementedByEngine(f"a {self._noun} by a driver or as a template")
        try:
            size = len(base64.b64decode(spec.get("Data") or "", validate=True))
        except ValueError:
            raise InvalidParameter("illegal base64 data at input byte 0") from None
        largest = _LARGEST[self._noun]
        if not 0 < size < largest:
            raise rpc.invalid(
                f"{self._noun} data must be larger than 0 and less than {largest} bytes"
            )
        if self.table.named(name) is not None:
            raise rpc.exists(f"{self._noun} {name} already exists")
        blob = Blob(new_id(self._ids.random), spec={"Labels": {}, **spec})
        self.table.put(blob)
        return blob

    def update(self, ref: str, version: int, spec: Json) -> None:
        """Other labels; nothing else may change."""
        blob = self.table.find(ref)
        rpc.check_version(blob.index, version)
        data = spec.get("Data")
        if spec.get("Name", blob.name) != blob.name or data not in (None, "", blob.spec["Data"]):
            raise rpc.invalid("only updates to Labels are allowed")
        blob.spec["Labels"] = spec.get("Labels") or {}
        self.table.put(blob)

    def remove(self, ref: str) -> None:
        """Forget one that no service uses."""
        blob = self.table.find(ref)
        key = f"{self._noun.capitalize()}ID"
        users = [
            service.name
            for service in self._state.services
            for entry in (service.template.get("ContainerSpec") or {}).get(
                f"{self._noun.capitalize()}s"
            )
            or ()
            if entry.get(key) == blob.id
        ]
        if users:
            plural = "services" if len(users) > 1 else "service"
            raise rpc.invalid(
                f"{self._noun} '{blob.name}' is in use by the following {plural}: "
                f"{', '.join(users)}"
            )
        self.table.remove(blob.id)
