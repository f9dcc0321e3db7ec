"""A process that is an embedded engine: begun, found by its socket, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import socket as sockets
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from course_lib.engine_probe import Answer, ask_socket
from course_lib.errors import EngineUnavailable

START_SECONDS = 20.0
STOP_SECONDS = 40.0
POLL_SECONDS = 0.005


def launch(command: Sequence[str], socket: Path, log: Path) -> None:
    """Begin an engine that outlives this program, and wait until it answers.

    :param log: where it writes what it has to say.
    :raises EngineUnavailable: it did not start; the message is the engine's own.
    """
    process = _begin(command, log, subprocess.DEVNULL)
    _await_answer(process, socket, log)
    # It outlives this program on purpose: no warning that it still runs.
    process.returncode = 0


@contextlib.contextmanager
def child(command: Sequence[str], socket: Path, log: Path) -> Iterator[None]:
    """An engine that ends with this context, or with this program, however that ends.

    :param log: where it writes what it has to say.
    :raises EngineUnavailable: it did not start; the message is the engine's own.
    """
    process = _begin([*command, "--with-stdin"], log, subprocess.PIPE)
    try:
        _await_answer(process, socket, log)
        yield
    finally:
        process.terminate()
        with process:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _begin(command: Sequence[str], log: Path, stdin: int) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            cwd="/",
            env=_environ(),
            # Ctrl-C is for the program that begins it.
            start_new_session=True,
        )


def _await_answer(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not isinstance(ask_socket(socket, 1.0), Answer):
        if process.poll() is not None:
            raise EngineUnavailable(f"the embedded engine did not start: {_last_line(log)}")
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise EngineUnavailable(
                f"the embedded engine did not answer within {START_SECONDS:.0f} s",
                f"its log: {log}",
            )
        time.sleep(POLL_SECONDS)


class Foreground:
    """An engine that is a child of this program, which ends with it.

    Ctrl-C and SIGTERM end it in order.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(command, env=_environ())
        signal.signal(signal.SIGTERM, lambda *_: self._process.terminate())

    def await_ready(self, socket: Path, ready: Callable[[], None]) -> None:
        """Call ``ready`` once it answers; not, where it ends before or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if isinstance(ask_socket(socket, 1.0), Answer):
                ready()
                break
            time.sleep(POLL_SECONDS)

    def wait(self) -> int:
        """Its exit code, once it has one."""
        while True:
            try:
                return self._process.wait()
            except KeyboardInterrupt:
                # The terminal has told the engine as well; it is ending.
                continue


def listener(socket: Path) -> int | None:
    """The process that listens on a socket, as the kernel tells it."""
    with contextlib.closing(sockets.socket(sockets.AF_UNIX)) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(socket))
            if sys.platform == "darwin":
                # LOCAL_PEERPID of <sys/un.h>, on level SOL_LOCAL.
                found = struct.unpack("i", probe.getsockopt(0, 2, 4))[0]
            else:
                size = struct.calcsize("3i")
                credentials = probe.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, size)
                found = struct.unpack("3i", credentials)[0]
        except OSError:
            return None
    return int(found) or None


def end(pid: int) -> None:
    """End an engine in order, and wait for it.

    :raises EngineUnavailable: where it does not end.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _alive(pid):
        if time.monotonic() > deadline:
            raise EngineUnavailable(
                f"the engine (process {pid}) did not end within {STOP_SECONDS:.0f} s"
            )
        time.sleep(POLL_SECONDS)


def _environ() -> dict[str, str]:
    """This environment, in which ``course_lib`` is found also where it is not installed."""
    environ = dict(os.environ)
    package = str(Path(__file__).resolve().parents[1])
    known = environ.get("PYTHONPATH", "")
    if package not in known.split(os.pathsep):
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, (package, known)))
    return environ


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        # A zombie has ended; its parent (a notebook's kernel, perhaps) just has not looked yet.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0] != "Z"
    except (OSError, IndexError):
        return not Path("/proc/self").exists()


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"
