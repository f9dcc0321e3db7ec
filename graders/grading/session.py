"""The grader's end of a student's kernel: runs cells in it, within limits.

The kernel is a process forked from this one, in a world of its own where the system allows (see
:mod:`graders.grading.confine`). It is asked for two things: to run a cell, and what the values
of some variables are. What it says is taken as output or as an answer, never as a score.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graders.grading import usage, wire
from graders.grading.answers import read_answers
from graders.grading.keeper import be_keeper
from graders.grading.model import MEGABYTE, Limits
from graders.grading.outputs import Outputs
from graders.grading.silence import Sleeper, all_read

WATCH_SECONDS = 0.2
GRACE_SECONDS = 3.0
"""How long an interrupted cell may take to end before its process is killed."""
SETTLE_SECONDS = 30.0
NOTHING = {"do": "nothing"}
"""Follows each request. A kernel that has read it has replied before, or never will."""


@dataclass(frozen=True, slots=True)
class CellRun:
    """How a cell went. ``trouble``: why it did not end by itself; empty where it did."""

    count: int | None
    reply: Mapping[str, Any]
    trouble: str = ""


class KernelGoneError(Exception):
    """The student's process has ended; the message says how."""


class Session:
    """A running kernel.

    :param warm: the kernel as :func:`graders.grading.kernel.warm` made it in this process.
    :param hidden: folders that it must not see.
    :param writable: where it may write, as far as the system can tell (:mod:`.reach`).
    """

    def __init__(
        self,
        warm: Any,
        folder: Path,
        environment: Mapping[str, str],
        limits: Limits,
        *,
        hidden: Sequence[Path] = (),
        writable: Sequence[Path] = (),
    ) -> None:
        self._limits = limits
        self.outputs = Outputs(int(limits.output_mb * MEGABYTE))
        self._reader = wire.Reader()
        self._gone = ""
        self._control, theirs = socket.socketpair()
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        pid_read, pid_write = os.pipe()
        myself = os.getpid()
        self._keeper = os.fork()
        if not self._keeper:
            descriptors = (theirs.fileno(), their_out, their_err, pid_write)
            places = (folder, hidden, writable)
            be_keeper(warm, places, environment, limits, theirs, descriptors, myself)
        theirs.close()
        for descriptor in (their_out, their_err, pid_write):
            os.close(descriptor)
        with os.fdopen(pid_read) as told:
            number, _, own_world = told.readline().partition(" ")
        self._pid = int(number) if number else self._keeper
        self._own_world = own_world.strip() == "1"
        self._pipes = {out: "stdout", err: "stderr"}
        self._selector = selectors.DefaultSelector()
        self._control.setblocking(False)
        self._selector.register(self._control, selectors.EVENT_READ)
        for descriptor in self._pipes:
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)

    @property
    def gone(self) -> str:
        """How the process ended; empty while it runs."""
        return self._gone

    def execute(self, code: str, cell_id: str, deadline: float) -> CellRun:
        """Run a cell; its outputs are in ``outputs.cell``.

        :param deadline: on the monotonic clock, for the whole submission.
        :raises KernelGoneError: the process ended, or had to be.
        """
        end = min(deadline, time.monotonic() + self._limits.cell_seconds)
        self._say({"do": "execute", "code": code, "id": cell_id})
        reply, trouble = self._wait(end)
        if reply is None:
            reply = self._interrupt(trouble)
        count = reply.get("execution_count")
        return CellRun(count if isinstance(count, int) else None, reply, trouble)

    def count(self) -> int | None:
        """Count a cell that runs elsewhere; its number.

        :raises KernelGoneError: the process ended, or does not answer.
        """
        count = self._ask({"do": "count"}).get("execution_count")
        return count if isinstance(count, int) else None

    def answers(self, names: Sequence[str]) -> dict[str, object]:
        """The values of those variables.

        :raises KernelGoneError: the process ended, or does not answer.
        """
        if not names:
            return {}
        reply = self._ask({"do": "answers", "names": list(names)})
        return read_answers(reply.get("answers"), names)

    def close(self) -> None:
        """End the process and everything that it started."""
        self._kill()
        self._selector.close()
        self._control.close()
        for descriptor in self._pipes:
            os.close(descriptor)
        self._pipes = {}

    # --- inside ------------------------------------------------------------------------------

    def _say(self, request: Mapping[str, Any]) -> None:
        if self._gone:
            raise KernelGoneError(self._gone)
        self._control.setblocking(True)
        self._control.settimeout(SETTLE_SECONDS)
        try:
            wire.send(self._control, request)
            wire.send(self._control, NOTHING)
        except wire.BrokenWireError:
            self._ended()
        finally:
            self._control.setblocking(False)

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The reply to what runs no code of the student's."""
        self._say(question)
        reply, _ = self._wait(time.monotonic() + SETTLE_SECONDS, Sleeper(self._pid))
        if reply is None:
            raise self._lost("it does not answer any more")
        return reply

    def _wait(
        self, end: float, sleeper: Sleeper | None = None
    ) -> tuple[dict[str, Any] | None, str]:
        """The reply, or None and what came instead of it."""
        watch = time.monotonic() + WATCH_SECONDS
        while True:
            now = time.monotonic()
            if now >= watch:
                trouble = usage.over_limits(self._pid, self._limits)
                if trouble:  # asking it to stop would leave what it started
                    raise self._lost(trouble)
                # In this order: a reply would be there before the next request is read.
                silent = all_read(self._control) and not self._said_something()
                if silent or (sleeper is not None and sleeper.asleep()):
                    raise self._lost("it does not answer any more")
                watch = now + WATCH_SECONDS
            # Last: what keeps the machine so busy that time is up says more than the clock.
            if now >= end:
                return None, f"it was not done after {self._limits.cell_seconds:g} s"
            for key, _ in self._selector.select(max(0.0, min(end, watch) - now)):
                if key.fileobj is self._control:
                    reply = self._read_control()
                    if reply is not None:
                        self._drain()
                        return reply, ""
                else:
                    self._read_pipe(key.fd)
            if self.outputs.exceeded:
                return None, f"it printed more than {self._limits.output_mb:g} MB"

    def _read_control(self) -> dict[str, Any] | None:
        try:
            data = self._control.recv(self._reader.missing())
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            self._ended()
        try:
            messages = self._reader.feed(data)
        except wire.BrokenWireError as error:
            self._kill()
            self._gone = f"the kernel said something unreadable ({error})"
            raise KernelGoneError(self._gone) from None
        reply = None
        for message in messages:
            if not isinstance(message, dict) or not isinstance(message.get("content"), dict):
                continue
            if message.get("kind") == "reply":
                reply = message["content"]
            else:
                self.outputs.add(str(message.get("kind")), message["content"])
        return reply

    def _read_pipe(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, 65536)
        except BlockingIOError:
            return
        if data:
            self.outputs.add_text(self._pipes[descriptor], data.decode("utf-8", "replace"))
        else:
            self._selector.unregister(descriptor)

    def _drain(self) -> None:
        """What was written before the reply is there by now."""
        for key, _ in self._selector.select(0):
            if key.fileobj is not self._control:
                self._read_pipe(key.fd)

    def _interrupt(self, trouble: str) -> dict[str, Any]:
        """Ctrl-C, and the end where that is not heard."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGINT)
        self.outputs.exceeded = True  # what comes of an interrupted cell is not waited for
        end = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < end:
            for key, _ in self._selector.select(max(0.0, end - time.monotonic())):
                if key.fileobj is self._control:
                    reply = self._read_control()
                    if reply is not None:
                        self.outputs.exceeded = False
                        return reply
                else:
                    self._read_pipe(key.fd)
            if usage.over_limits(self._pid, self._limits):
                break
        raise self._lost(trouble)

    def _said_something(self) -> bool:
        return any(key.fileobj is self._control for key, _ in self._selector.select(0))

    def _lost(self, trouble: str) -> KernelGoneError:
        """End the process for that."""
        self._kill()
        self._gone = f"the kernel was ended: {trouble}"
        return KernelGoneError(self._gone)

    def _ended(self) -> None:
        self._drain()  # its last words
        self._kill()
        raise KernelGoneError(self._gone)

    def _kill(self) -> None:
        if not self._keeper:
            return
        # All of a world end with its first: nobody has to count a fork bomb that goes on.
        others = [] if self._own_world else usage.tree(self._pid)
        for number in (self._pid, *others):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        _, status = os.waitpid(self._keeper, 0)
        self._keeper = 0
        code = os.waitstatus_to_exitcode(status)
        self._gone = self._gone or f"the kernel ended ({_how(code)})"


def _how(code: int) -> str:
    if code < 0 or code > 128:
        return signal.Signals(-code if code < 0 else code - 128).name
    return f"exit code {code}"
