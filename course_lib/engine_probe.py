"""Asking an address who answers there, without a Docker client: quick, and at most a moment.

Used before an engine is chosen; once it is, everything goes through the SDK.
"""

from __future__ import annotations

import errno
import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

SECONDS = 5.0
Kind = Literal["embedded", "docker"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What ``GET /version`` said.

    :param product: what people call it; Podman speaks Docker's API as well.
    """

    kind: Kind
    version: str
    api_version: str
    product: str = "Docker"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Answer:
        platform = document.get("Platform") or {}
        name = str(platform.get("Name", "")) if isinstance(platform, Mapping) else ""
        parts = document.get("Components") or []
        podman = any("podman" in str(part.get("Name", "")).lower() for part in parts)
        return cls(
            kind="embedded" if "embedded" in name.lower() else "docker",
            version=str(document.get("Version", "")),
            api_version=str(document.get("ApiVersion", "")),
            product="Podman" if podman else "Docker",
        )


@dataclass(frozen=True, slots=True)
class Silence:
    """Why nothing useful came: ``absent`` (no such file), ``refused`` (nobody listens),
    ``denied`` (no permission) or ``foreign`` (something answers, but no Docker engine)."""

    reason: Literal["absent", "refused", "denied", "foreign"]
    detail: str = ""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get_json(path: Path, target: str, timeout: float = SECONDS) -> Any:
    """``GET target`` on a Unix socket; ``OSError`` or ``ValueError`` where that fails."""
    connection = _UnixConnection(str(path), timeout)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise ValueError(f"GET {target} answered {response.status}")
        return json.loads(body)
    except http.client.HTTPException as error:
        raise ValueError(f"no HTTP: {error}") from None
    finally:
        connection.close()


def ask_socket(path: Path, timeout: float = SECONDS) -> Answer | Silence:
    """Who answers on a Unix socket."""
    if not path.exists():
        return Silence("absent")
    if not path.is_socket():
        return Silence("foreign", "it is no socket")
    try:
        document = get_json(path, "/version", timeout)
    except PermissionError:
        return Silence("denied")
    except ConnectionRefusedError:
        return Silence("refused")
    except TimeoutError:
        return Silence("foreign", f"no answer within {timeout:.0f} s")
    except ValueError as error:
        return Silence("foreign", str(error))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return Silence("absent")
        return Silence("foreign", error.strerror or str(error))
    if not isinstance(document, dict) or "ApiVersion" not in document:
        return Silence("foreign", "it speaks HTTP, but is no Docker engine")
    return Answer.of(document)


def ask(environment: Mapping[str, str], timeout: float = SECONDS) -> Answer | Silence:
    """Who answers at ``DOCKER_HOST`` (with the TLS variables beside it)."""
    host = environment["DOCKER_HOST"]
    if host.startswith("unix://"):
        return ask_socket(Path(host.removeprefix("unix://")), timeout)
    import docker

    try:
        client = docker.DockerClient.from_env(environment=dict(environment), timeout=int(timeout))
        try:
            return Answer.of(client.version())
        finally:
            client.close()
    except Exception as error:  # the SDK lets requests', urllib3's and paramiko's errors through
        return Silence("refused", str(error))
