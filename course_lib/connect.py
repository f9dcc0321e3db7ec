"""Which engine is in use, and a client for it.

The choice, first match wins:

1. ``embedded`` or ``docker``, said by ``--engine`` or else by ``COURSE_ENGINE``;
2. ``DOCKER_HOST``: that engine as it is, embedded or not;
3. ``docker``, where the user once chose it in ``course lab`` and its daemon answers;
4. the embedded engine.

``docker`` means the daemon that ``DOCKER_HOST`` or the current Docker context names;
``embedded`` the embedded engine that ``DOCKER_HOST`` names, or else the user's default one. An
embedded engine that does not run is started.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib import places, sdk
from course_lib.contexts import current_context
from course_lib.embedded import EmbeddedEngine
from course_lib.engine_probe import Answer, Kind, Silence, ask
from course_lib.errors import CourseError, EngineUnavailable, UsageError
from course_lib.files import write_whole

if TYPE_CHECKING:
    from docker import DockerClient

CHOICES = ("embedded", "docker", "auto")
VARIABLE = "COURSE_ENGINE"
TLS_VARIABLES = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
TIMEOUT_SECONDS = 120
USUAL_SOCKET = "/var/run/docker.sock"

Announce = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers, and why it is the one in use.

    :param address: ``DOCKER_HOST`` and, for a daemon behind TLS, the variables beside it.
    :param product: ``Docker`` or ``Podman``.
    """

    kind: Kind
    version: str
    api_version: str
    why: str
    address: Mapping[str, str]
    product: str = "Docker"

    @property
    def host(self) -> str:
        """What ``DOCKER_HOST`` is set to."""
        return self.address["DOCKER_HOST"]

    @property
    def label(self) -> str:
        """``embedded engine 26.1.5``, ``Docker 26.1.5`` or ``Podman 5.4.2``."""
        name = "embedded engine" if self.kind == "embedded" else self.product
        return f"{name} {self.version}".strip()

    @property
    def socket(self) -> str:
        """The engine's own socket where containers of it are to find it: as a mount's source.

        ``/var/run/docker.sock`` means the engine in use where that is the embedded one, and on
        Docker Desktop, whose socket on this machine is not the one beside its daemon. A daemon of
        this machine that listens elsewhere (rootless Docker does) is found where it listens.
        """
        path = self.host.removeprefix("unix://")
        beside = sys.platform == "linux" and path != self.host and "/.docker/" not in path
        return path if self.kind == "docker" and beside else USUAL_SOCKET

    def client(self, timeout: int = TIMEOUT_SECONDS) -> DockerClient:
        """A new client of the Docker SDK; the caller closes it."""
        import docker

        client = docker.DockerClient.from_env(environment=dict(self.address), timeout=timeout)
        if self.host.startswith("unix://"):
            sdk.hasten(client.api)
        return client

    def environment(self) -> dict[str, str]:
        """What another program needs to use the same engine and to say so."""
        return {**self.address, VARIABLE: self.kind}


def connect(
    engine: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    announce: Announce = lambda _: None,
) -> Engine:
    """The engine in use, answering; an embedded one is started if need be.

    :param engine: ``embedded``, ``docker``, ``auto``, or ``None`` for what the environment says.
    :raises UsageError: for any other word.
    :raises EngineUnavailable: where the engine that was asked for does not answer.
    """
    word = _word(engine, environ)
    source = "you asked for it" if engine else f"{VARIABLE} says so"
    if word == "embedded":
        return _embedded(environ, source, announce)
    if word == "docker":
        return _daemon(environ, source)
    if environ.get("DOCKER_HOST"):
        return _as_it_is(environ, announce)
    if remembered(environ) == "docker":
        try:
            return _daemon(environ, "you chose it before")
        except EngineUnavailable:
            return _embedded(environ, "Docker does not answer", announce)
    return _embedded(environ, "the default", announce)


def means_default_engine(
    engine: str | None = None, environ: Mapping[str, str] = os.environ
) -> bool:
    """Whether nothing names another engine than the user's default embedded one.

    :raises UsageError: for a word that names no engine.
    """
    word = _word(engine, environ)
    if environ.get("DOCKER_HOST"):
        return False
    return word == "embedded" or (word == "auto" and remembered(environ) != "docker")


def use(engine: Engine, environ: MutableMapping[str, str] = os.environ) -> None:
    """Let ``docker`` commands and ``docker.from_env()`` of this process reach that engine."""
    for variable in TLS_VARIABLES:
        environ.pop(variable, None)
    environ.update(engine.address)


def client(engine: str | None = None) -> DockerClient:
    """A client for the engine in use, which this process uses from now on."""
    found = connect(engine)
    use(found)
    return found.client()


def remembered(environ: Mapping[str, str] = os.environ) -> str | None:
    """The engine that the user chose in an earlier ``course lab``, if any."""
    try:
        document = json.loads((places.config_folder(environ) / "config.json").read_text())
        word = document["engine"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return word if word in CHOICES else None


def remember(engine: str, environ: Mapping[str, str] = os.environ) -> None:
    """Keep the user's choice for the next time.

    :raises CourseError: where the configuration cannot be written.
    """
    path = places.config_folder(environ) / "config.json"
    try:
        write_whole(path, (json.dumps({"engine": engine}) + "\n").encode())
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}") from None


def _word(engine: str | None, environ: Mapping[str, str]) -> str:
    word = engine or environ.get(VARIABLE) or "auto"
    if word not in CHOICES:
        where = "" if engine else f" in {VARIABLE}"
        raise UsageError(f"unknown engine {word!r}{where}", f"one of {', '.join(CHOICES)}")
    return word


def _embedded(environ: Mapping[str, str], why: str, announce: Announce) -> Engine:
    host = environ.get("DOCKER_HOST", "")
    if host:
        known = EmbeddedEngine.recorded(host, environ)
        if known is not None:
            return _started(known, why, announce)
        found = ask(_address(environ))
        if isinstance(found, Answer) and found.kind == "embedded":
            return _engine(found, why, _address(environ))
    return _started(EmbeddedEngine.at(environ=environ), why, announce)


def _daemon(environ: Mapping[str, str], why: str) -> Engine:
    if environ.get("DOCKER_HOST"):
        address = _address(environ)
        found = ask(address)
        if isinstance(found, Answer) and found.kind == "docker":
            return _engine(found, why, address)
        ours = isinstance(found, Answer)
        if not ours and EmbeddedEngine.recorded(address["DOCKER_HOST"], environ) is None:
            raise _unavailable(address, found)
        # DOCKER_HOST names an embedded engine, and Docker itself was asked for by name.
    address = current_context(environ)
    found = ask(address)
    if isinstance(found, Silence):
        raise _unavailable(address, found)
    return _engine(found, why, address)


def _as_it_is(environ: Mapping[str, str], announce: Announce) -> Engine:
    address = _address(environ)
    found = ask(address)
    if isinstance(found, Answer):
        return _engine(found, "DOCKER_HOST names it", address)
    known = EmbeddedEngine.recorded(address["DOCKER_HOST"], environ)
    if known is not None:
        return _started(known, "DOCKER_HOST names it", announce)
    raise _unavailable(address, found)


def _started(engine: EmbeddedEngine, why: str, announce: Announce) -> Engine:
    status = engine.start(announce=announce)
    address = {"DOCKER_HOST": status.docker_host}
    return Engine("embedded", status.version, status.api_version, why, address)


def _engine(found: Answer, why: str, address: Mapping[str, str]) -> Engine:
    return Engine(found.kind, found.version, found.api_version, why, address, found.product)


def _address(environ: Mapping[str, str]) -> dict[str, str]:
    names = ("DOCKER_HOST", *TLS_VARIABLES)
    return {name: environ[name] for name in names if environ.get(name)}


def _unavailable(address: Mapping[str, str], found: Answer | Silence) -> EngineUnavailable:
    host = address["DOCKER_HOST"]
    if isinstance(found, Silence) and found.reason == "denied":
        return EngineUnavailable(
            f"you have no permission to use the Docker daemon at {host}",
            "ask for membership of the group docker, or use --engine embedded",
        )
    detail = f": {found.detail}" if isinstance(found, Silence) and found.detail else ""
    return EngineUnavailable(
        f"no Docker engine answers at {host}{detail}",
        "start it, or use --engine embedded",
    )
