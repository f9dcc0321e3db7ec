"""Brings up the engines that contract tests run on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from tests.contract.harness import Engine, until
from tests.contract.rawhttp import RawClient
from tests.reference.dockerd import find_daemon

_ALL = ("nginx", "alpine", "busybox", "centos", "redis", "elasticsearch:2", "docker")
REQUIRED_IMAGES = {
    "26.1": _ALL,
    "26.1-checks": _ALL,
    "20.10": ("nginx", "alpine"),
    "26.1-swarm": ("nginx", "alpine"),
}


class EngineMissingError(Exception):
    """This engine is not to be had here; the message says what would mend that."""


def open_engine(name: str, socket: str, address: str) -> Engine:
    """A handle on an engine that answers."""
    raw = RawClient(socket)
    # A stream may be silent for long on a busy machine; a test that hangs is ended by pytest.
    client = docker.DockerClient(base_url=f"unix://{socket}", version="auto", timeout=300)
    return Engine(name, socket, address, raw, client)


@contextmanager
def embedded() -> Iterator[Engine]:
    """A fresh embedded engine in a process of its own, or the one at ``COURSE_TEST_EMBEDDED``."""
    given = os.environ.get("COURSE_TEST_EMBEDDED")
    if given:
        engine = open_engine("embedded", _socket_of(given), "127.0.0.1")
        _pull(engine)
        yield engine
        engine.sdk.close()
        return
    with tempfile.TemporaryDirectory(prefix="ct-") as folder:
        socket = Path(folder) / "engine.sock"
        with open(Path(folder) / "engine.log", "wb") as log:
            arguments = ["--socket", str(socket), "--state", f"{folder}/state"]
            process = subprocess.Popen(
                [sys.executable, "-m", "course_lib.engine", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(lambda: process.poll() is not None or answers(str(socket)))
            if process.poll() is not None:
                text = (Path(folder) / "engine.log").read_text()
                raise AssertionError(f"the embedded engine does not start:\n{text[-2000:]}")
            engine = open_engine("embedded", str(socket), "127.0.0.1")
            _pull(engine)
            yield engine
            engine.sdk.close()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def dockerd(release: str = "26.1") -> Iterator[Engine]:
    """The daemon at ``COURSE_TEST_DOCKERD``, or the one of this release that runs.

    The one that is named stands for all those of release 26.1 but that of swarm mode.
    """
    daemon = find_daemon(release)
    named = release in ("26.1", "26.1-checks")
    given = os.environ.get("COURSE_TEST_DOCKERD") if named else None
    socket = _socket_of(given) if given else str(daemon.socket)
    if not answers(socket):
        raise EngineMissingError(
            f"no dockerd at {socket}: python -m tests.reference.dockerd start --release {release}"
        )
    engine = open_engine("dockerd", socket, "127.0.0.1" if given else daemon.address)
    # (Not by the SDK: it asks for every image anew, and other tests remove theirs meanwhile.)
    have = {tag for image in raw_images(engine) for tag in image["RepoTags"] or ()}
    needed = (name if ":" in name else f"{name}:latest" for name in REQUIRED_IMAGES[release])
    lacking = set(needed) - have
    if lacking:
        engine.sdk.close()
        raise EngineMissingError(
            f"{socket} lacks {', '.join(sorted(lacking))}: "
            f"python -m tests.images --host unix://{socket}"
        )
    yield engine
    engine.sdk.close()


def beside(engine: Engine) -> list[str]:
    """What a command begins with that is to find the engine's published ports at 127.0.0.1."""
    if engine.address == "127.0.0.1":
        return []
    pid = int((Path(engine.socket).parent / "docker.pid").read_text())
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def raw_images(engine: Engine) -> list[dict[str, Any]]:
    """The rows of ``GET /images/json``."""
    # Unversioned: the oldest daemon does not know the version that the other tests speak.
    rows: list[dict[str, Any]] = engine.raw.get("/images/json", version="").json()
    return rows


def _pull(engine: Engine) -> None:
    """An embedded engine begins without images and takes them from its catalogue."""
    for name in REQUIRED_IMAGES["26.1"]:
        repository, _, tag = name.partition(":")
        engine.sdk.images.pull(repository, tag=tag or "latest")


def answers(socket: str) -> bool:
    """Whether an engine answers a ping at this socket."""
    try:
        return RawClient(socket).get("/_ping", version="").status == 200
    except OSError:
        return False


def _socket_of(url: str) -> str:
    return url.removeprefix("unix://")
