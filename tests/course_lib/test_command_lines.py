"""``!`` lines as IPython runs them, without what makes them slow."""

from __future__ import annotations

import io
import os
import sys
from typing import Any

import pexpect
import pytest
from IPython.utils.process import system  # type: ignore[attr-defined]

from course_lib import command_lines


@pytest.fixture
def spawned(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The processes that pexpect starts, once lines are hastened."""
    found: list[Any] = []
    original: Any = pexpect.spawn

    class Noted(original):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **words: Any) -> None:
            super().__init__(*arguments, **words)
            found.append(self)

    monkeypatch.setattr(pexpect, "spawn", Noted)
    command_lines.hasten()
    return found


def test_a_line_gives_its_output_and_its_status_and_does_not_sleep(
    spawned: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert system("echo one; echo two >&2; exit 3") == 3
    assert capsys.readouterr().out.split() == ["one", "two"]
    (process,) = spawned
    assert process.ptyproc.delayafterclose == 0
    assert process.ptyproc.terminated, "nobody has to wait for it"


def test_lines_are_hastened_once(spawned: list[Any]) -> None:
    once = pexpect.spawn
    command_lines.hasten()
    assert pexpect.spawn is once


def test_a_line_has_a_terminal_of_the_usual_size_for_its_own(
    spawned: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert system("tty; stty size; echo reached > /dev/tty") == 0
    terminal, size, reached = capsys.readouterr().out.split("\n")[:3]
    assert terminal.startswith("/dev/")
    assert (size.strip(), reached.strip()) == ("24 80", "reached")


class Pressing(io.StringIO):
    """Where output goes; somebody presses Jupyter's stop button when they see the word ``on``."""

    pressed = False

    def flush(self) -> None:
        if "on" in self.getvalue() and not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt


def test_an_interrupt_is_typed_into_the_commands_terminal(
    spawned: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IPython.utils._process_posix.ProcessHandler.terminate_timeout", 60)
    shown = Pressing()
    monkeypatch.setattr(sys, "stdout", shown)
    status = system("trap 'echo stopped; exit 9' INT; echo on; while :; do sleep 0.05; done")
    assert (status, "stopped" in shown.getvalue()) == (9, True)


def test_what_a_command_wrote_as_its_last_act_is_read(
    spawned: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between pexpect's look for output and its question whether the process lives."""
    spawn: Any = pexpect.spawn
    child = spawn("/bin/sh", args=["-c", "read -r line; echo last"])
    looked: list[float] = []

    def look(_read: Any, _write: Any, _else: Any, timeout: float) -> tuple[list[int]]:
        looked.append(timeout)
        if timeout:
            child.sendline("")
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        return ([],)

    monkeypatch.setattr("pexpect.pty_spawn.select_ignore_interrupts", look)
    assert child.expect_list([pexpect.TIMEOUT, pexpect.EOF], 1) == 1
    assert b"last" in child.before
    assert looked[:2] == [0, 1]
