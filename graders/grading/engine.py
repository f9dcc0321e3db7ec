"""The engine of one notebook while it is graded, and a client that no student can stand in for."""

from __future__ import annotations

import contextlib
import logging
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

from course_lib import sdk, warm_engine
from graders.expectation import ObservationError
from graders.grading import confine

API_VERSION = "1.45"
"""What a notebook's client and the engine agree upon: checks see what it sees, and need not ask."""
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
        self._mistakes, mistakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._mistake = ""
        myself = os.getpid()
        self.pid = os.fork()
        if not self.pid:
            _be_engine(myself, self.own, folder / "state", told, mistakes)
        os.close(told)
        os.close(mistakes)
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
            base_url=f"unix://{self.own}", version=API_VERSION, timeout=CLIENT_SECONDS
        )
        adapter = _Adapter(f"http+unix://{self.own}", self.pid)
        client.api.mount("http+docker://", adapter)
        client.api._custom_adapter = adapter
        sdk.hasten(client.api)
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

    @property
    def mistake(self) -> str:
        """The first exception of its own that the engine did not expect; empty where none.

        It says so itself, to nobody else: the status that a client sees would not do, Docker
        gives 500 for a port in use too.
        """
        if not self._mistake:
            with contextlib.suppress(BlockingIOError):
                text = os.read(self._mistakes, 65536).decode("utf-8", "replace")
                self._mistake = text.partition("\n")[0]
        return self._mistake

    def close(self) -> None:
        """End it. Its state goes with the submission's folder, so there is nothing to save."""
        if self._mistakes >= 0:
            os.close(self._mistakes)
            self._mistakes = -1
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


class _Mistakes(logging.Handler):
    """Writes a line for each exception of the engine's log that was no refusal."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(logging.ERROR)
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return
        line = f"{record.getMessage()}: {type(error).__name__}: {error}"
        # Where nobody has read for long the first one is known.
        with contextlib.suppress(OSError):
            os.write(self._descriptor, " ".join(line.split())[:1000].encode() + b"\n")


def _be_engine(parent: int, path: Path, state: Path, told: int, mistakes: int) -> None:
    code = 70
    try:
        confine.die_with_parent(parent)
        confine.protect()
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for target in (0, 1):
            os.dup2(nothing, target)
        confine.close_descriptors({0, 1, 2, told, mistakes})
        logging.getLogger("course_lib.engine").addHandler(_Mistakes(mistakes))
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
