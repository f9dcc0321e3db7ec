"""The embedded engine as a process: started, found again, stopped, emptied.

The engine is a program of its own (``python -m course_lib.engine``) that outlives whoever
started it. Which state belongs to which socket is recorded, so that an engine that died is
started again with its volumes by whoever finds ``DOCKER_HOST`` dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib import engine_process, engine_records, engine_state, places
from course_lib.engine_probe import Answer, Silence, ask_socket
from course_lib.errors import EngineUnavailable, SocketInUse, UsageError

IDLE = "COURSE_ENGINE_IDLE"
"""Environment variable: seconds without client and running container until an engine ends."""

_NODES = "nodes"
"""Folder beside the default state with those of engines that have a name."""

_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of an embedded engine."""

    running: bool
    socket: Path
    state: Path
    pid: int | None = None
    version: str = ""
    api_version: str = ""
    name: str = ""

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"


@dataclass(frozen=True, slots=True)
class EmbeddedEngine:
    """One embedded engine: where it listens and where it keeps its state.

    A further engine on this machine may have a name, which gives both and is its host's name.
    """

    socket: Path
    state: Path
    records: Path

    @classmethod
    def at(
        cls,
        socket: Path | None = None,
        state: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> EmbeddedEngine:
        """The engine that the user means.

        Each of the two finds the other: a socket by what was recorded when it was started (or
        a state of its own), a state by a rule. Without either it is the user's default engine.

        :raises SocketPathTooLong: for a socket that cannot be bound.
        """
        records = places.data_folder(environ) / "engines"
        default = places.default_state(environ)
        if socket is not None:
            socket = _absolute(socket)
            places.check_socket_path(socket)
        if state is not None:
            state = _absolute(state)
        if socket is None:
            state = state or default
            socket = places.socket_for(state, environ)
            if not socket.exists():
                # Started where $XDG_RUNTIME_DIR or $TMPDIR says something else.
                socket = engine_records.answering_for(records, state) or socket
            return cls(socket, state, records)
        if state is None:
            state = engine_records.state_of(records, socket)
        if state is None:
            ours = places.socket_for(default, environ) == socket
            state = default if ours else default.with_name(f"engine-{places.digest(socket)}")
        return cls(socket, state, records)

    @classmethod
    def named(cls, name: str, environ: Mapping[str, str] = os.environ) -> EmbeddedEngine:
        """The further engine of that name.

        :raises UsageError: it is no name for a host.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for an engine: letters, digits and dashes, at most 32"
            )
        data = places.data_folder(environ)
        state = data / _NODES / name
        return cls(places.socket_for(state, environ), state, data / "engines")

    @classmethod
    def all_named(cls, environ: Mapping[str, str] = os.environ) -> list[EmbeddedEngine]:
        """All engines with a name that run or have a state, by name."""
        folder = places.data_folder(environ) / _NODES
        states = folder.iterdir() if folder.is_dir() else ()
        names = sorted(s.name for s in states if engine_state.is_state(s))
        return [cls.named(name, environ) for name in names if _NAME.fullmatch(name)]

    @property
    def name(self) -> str:
        """Its name, "" for an engine without one."""
        ours = self.state.parent == self.records.parent / _NODES
        return self.state.name if ours else ""

    @classmethod
    def recorded(
        cls, docker_host: str, environ: Mapping[str, str] = os.environ
    ) -> EmbeddedEngine | None:
        """The embedded engine that was once started for this ``DOCKER_HOST``, if one was."""
        if not docker_host.startswith("unix://"):
            return None
        socket = Path(docker_host.removeprefix("unix://"))
        records = places.data_folder(environ) / "engines"
        state = engine_records.state_of(records, socket)
        return cls(socket, state, records) if state else None

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    def status(self) -> Status:
        """Whether it runs, without starting it."""
        found = ask_socket(self.socket)
        if isinstance(found, Answer) and found.kind == "embedded":
            return Status(
                True,
                self.socket,
                self.state,
                self.pid(),
                found.version,
                found.api_version,
                self.name,
            )
        return Status(False, self.socket, self.state, name=self.name)

    def start(self, *, announce: Callable[[str], None] = lambda _: None) -> Status:
        """Return a running engine, starting it if need be.

        :param announce: told when a start takes a moment.
        :raises SocketInUse: something else holds the socket, or the engine there keeps another
            state.
        :raises EngineUnavailable: it did not start; the message is the engine's own.
        """
        with self._lock():
            found = ask_socket(self.socket)
            if isinstance(found, Answer):
                self._check_ours(found)
            else:
                self._check_free(found)
                announce("starting the embedded engine")
                self._launch()
        return self.status()

    def run_in_foreground(self, ready: Callable[[], None] = lambda: None) -> int:
        """Run the engine as a child until it ends; its exit code.

        Ctrl-C and SIGTERM end it in order.

        :param ready: called once it answers.
        """
        with self._lock():
            self._check_nobody()
            self._make_folders()
            engine = engine_process.Foreground(self._command())
            engine_records.write(self.records, self.socket, self.state)
            engine.await_ready(self.socket, ready)
        return engine.wait()

    @contextlib.contextmanager
    def for_a_while(self) -> Iterator[None]:
        """A running engine until the context ends, or this program, however that ends.

        It is nobody's to find again: nothing is recorded.

        :raises SocketInUse: something holds the socket.
        :raises EngineUnavailable: it did not start; the message is the engine's own.
        """
        self._check_nobody()
        self._make_folders()
        log = engine_records.beside(self.records, self.socket, "log")
        with engine_process.child(self._command(), self.socket, log):
            yield

    def stop(self) -> bool:
        """End the engine in order; volumes stay. ``False`` where it did not run.

        :raises EngineUnavailable: where it does not end.
        """
        with self._lock():
            return self._stop()

    def reset(self) -> bool:
        """Back to an empty engine: containers, networks, volumes and images are gone.

        An engine that ran is started again. ``False`` where there was nothing to empty.

        :raises StateUnusable: where the state directory is not an engine's.
        """
        with self._lock():
            existed = engine_state.holds_something(self.state)
            ran = self._stop()
            if existed:
                engine_state.empty(self.state)
            if ran:
                self._launch()
        return existed

    def pid(self) -> int | None:
        """The process that listens on the socket, as the kernel tells it."""
        return engine_process.listener(self.socket)

    def _stop(self) -> bool:
        found = ask_socket(self.socket)
        if not isinstance(found, Answer) or found.kind != "embedded":
            return False
        pid = self.pid()
        if pid is None:
            raise EngineUnavailable(f"the engine at {self.socket} cannot be found to stop it")
        engine_process.end(pid)
        return True

    def _check_nobody(self) -> None:
        found = ask_socket(self.socket)
        if isinstance(found, Answer):
            self._check_ours(found)
            raise SocketInUse(f"the embedded engine runs already at {self.socket}")
        self._check_free(found)

    def _check_ours(self, found: Answer) -> None:
        if found.kind != "embedded":
            raise SocketInUse(
                f"{self.socket} belongs to another Docker engine (version {found.version})",
                "name another with --socket",
            )
        running = engine_records.state_of(self.records, self.socket)
        if running is not None and running != self.state:
            raise SocketInUse(
                f"the engine at {self.socket} keeps its state in {running}, not in {self.state}",
                "stop it first, or name another socket with --socket",
            )

    def _check_free(self, found: Silence) -> None:
        if found.reason in ("absent", "refused"):
            # A refusing socket is what a killed engine leaves behind; the engine replaces it.
            return
        if found.reason == "denied":
            raise SocketInUse(
                f"{self.socket} belongs to somebody else", "name another with --socket"
            )
        raise SocketInUse(
            f"{self.socket} is in use by something else: {found.detail}",
            "name another with --socket",
        )

    def _command(self) -> list[str]:
        words = [sys.executable, "-m", "course_lib.engine"]
        words += ["--socket", str(self.socket), "--state", str(self.state)]
        words += ["--host-name", self.name] if self.name else []
        # For places with many engines: one that nobody uses ends, and is started when it is needed.
        idle = os.environ.get(IDLE, "")
        return [*words, "--idle-exit", idle] if idle.isdigit() and int(idle) else words

    def _make_folders(self) -> None:
        for folder in (self.socket.parent, self.state.parent, self.records):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise EngineUnavailable(f"{folder} cannot be made: {error.strerror}") from None

    def _launch(self) -> None:
        self._make_folders()
        engine_process.launch(
            self._command(), self.socket, engine_records.beside(self.records, self.socket, "log")
        )
        engine_records.write(self.records, self.socket, self.state)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """One program at a time starts, stops or empties this engine."""
        try:
            self.records.mkdir(parents=True, exist_ok=True)
            file = engine_records.beside(self.records, self.socket, "lock").open("w")
        except OSError as error:
            raise EngineUnavailable(f"{self.records} cannot be written: {error.strerror}") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))
