"""A pseudo-terminal with the ``docker`` command on it, and somebody who types."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.harness import DEADLINE, Bench

PROMPT = r"# (\x1b\[6n)?"


class Typist:
    """The terminal's side of a running command."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.shown = ""

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def resize(self, rows: int, columns: int) -> None:
        """Another size of the window; the programs in it get SIGWINCH."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, pattern: str) -> str:
        """What the terminal shows up to a match of ``pattern``, which is taken away."""
        deadline = time.monotonic() + 2 * DEADLINE
        while not (match := re.search(pattern, self.shown)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.shown!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other side is gone
                    time.sleep(0.05)
        before, self.shown = self.shown[: match.end()], self.shown[match.end() :]
        return before


@contextmanager
def at_terminal(
    bench: Bench, *words: str, size: tuple[int, int] = (24, 80)
) -> Iterator[tuple[Typist, subprocess.Popen[bytes]]]:
    """``docker WORDS…`` on a pseudo-terminal of its own; killed at the end if it still runs."""
    master, slave = pty.openpty()
    Typist(master).resize(*size)
    command = ["docker", "--host", bench.engine.docker_host, *words]
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        yield Typist(master), process
    finally:
        process.kill()
        process.wait()
        os.close(master)
