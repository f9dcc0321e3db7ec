"""The engine of one notebook while it is graded, and a client that no student can stand in for."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import struct
import traceback
from pathlib import Path
from typing import Any

import docker
from docker.transport import UnixHTTPAdapter
from docker.transport.unixconn import UnixHTTPConnection, UnixHTTPConnectionPool

from course_lib import warm_engine
from graders.expectation import ObservationError
from graders.grading import confine

START_SECONDS = 20.0
CLIENT_SECONDS = 30
"""For one call of a check; a healthy engine answers in milliseconds."""


class EngineProcess:
    """An embedded engine, forked from this warm process; empty at the start.

    It listens on ``own`` for the grader, and on ``socket``, another name of the same, for the
    student, whose name may be removed or replaced without harm.

    :raises ObservationError: it does not come up.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.own = folder / "grader" / "engine.sock"
        self.socket = folder / "docker.sock"
        self.own.parent.mkdir(mode=0o700)
        ready, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _be_engine(self.own, folder / "state", told)
        os.close(told)
        try:
            self._wait_ready(ready)
        finally:
            os.close(ready)
        os.link(self.own, self.socket)

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> docker.DockerClient:
        """A client that talks to this very process and to nobody else."""
        client = docker.DockerClient(
            base_url=f"unix://{self.own}", version="1.41", timeout=CLIENT_SECONDS
        )
        client.api.trust_env = False  # proxies and the like, looked up for each call
        adapter = _Adapter(f"http+unix://{self.own}", self.pid)
        client.api.mount("http+docker://", adapter)
        client.api._custom_adapter = adapter
        return client

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        if not self.pid:
            return True
        found, _ = os.waitpid(self.pid, os.WNOHANG)
        if found:
            self.pid = 0
        return not self.pid

    def close(self) -> None:
        """End it. Its state goes with the submission's folder, so there is nothing to save."""
        if self.ended:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.pid = 0

    def _wait_ready(self, descriptor: int) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            if selector.select(START_SECONDS) and os.read(descriptor, 4096):
                return
        self.close()
        raise ObservationError("the embedded engine did not start")


def _be_engine(path: Path, state: Path, told: int) -> None:
    code = 70
    try:
        confine.die_with_parent()
        confine.protect()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for target in (0, 1):
            os.dup2(nothing, target)
        confine.close_descriptors({0, 1, 2, told})
        code = warm_engine.serve(path, state, told)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class _Connection(UnixHTTPConnection):  # type: ignore[misc]
    """Refuses to talk to any process but the engine's, whatever its socket's name leads to."""

    expected = 0

    def connect(self) -> None:
        super().connect()
        size = struct.calcsize("3i")
        found = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        (pid, _, _) = struct.unpack("3i", found)
        if pid != self.expected:
            self.sock.close()
            raise ConnectionRefusedError("somebody else answers at the engine's socket")


class _Pool(UnixHTTPConnectionPool):  # type: ignore[misc]
    expected = 0

    def _new_conn(self) -> Any:
        connection = _Connection(self.base_url, self.socket_path, self.timeout)
        connection.expected = self.expected
        return connection


class _Adapter(UnixHTTPAdapter):  # type: ignore[misc]
    def __init__(self, url: str, expected: int) -> None:
        super().__init__(url, timeout=CLIENT_SECONDS)
        self._expected = expected

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        with self.pools.lock:
            pool = self.pools.get(url)
            if pool is None:
                pool = _Pool(url, self.socket_path, self.timeout, maxsize=self.max_pool_size)
                pool.expected = self._expected
                self.pools[url] = pool
        return pool
