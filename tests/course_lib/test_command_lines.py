"""``!`` lines as IPython runs them, without what makes them slow."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
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


@pytest.fixture
def docker(tmp_path: Path) -> Path:
    """A command of that name, which shows what it was given."""
    path = tmp_path / "bin" / "docker"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\nprintf "<%s>" "$0" "$@"\n')
    path.chmod(0o755)
    return path


PLAIN = [
    "docker", "  docker ps  ", "docker run -d -p 8080:80 --name web nginx:1.27 a=b",
    "docker ps --format '{{.Names}} $HOME'", """docker ps -f "name=it's" --format='x y'z""",
]  # fmt: skip
FOR_A_SHELL = [
    "docker ps | cat", "docker ps; true", "docker run $IMAGE", 'docker run "$IMAGE"', "docker ps *",
    "docker ps > x", "docker run a\\ b", "docker ps\ntrue", "docker ps &", "docker run {a,b}",
    "docker run ~/x", "docker ps # all", "docker run `x`", "A=1 docker ps", "dockers",
    "true docker", "docker 'ps", "docker ps\u00a0-a",
]  # fmt: skip


@pytest.mark.parametrize("line", PLAIN)
@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_docker_and_plain_words_need_no_shell(line: str, shell: str, docker: Path) -> None:
    environ = {"PATH": f"{docker.parent}:{os.environ['PATH']}"}
    program, words = command_lines.without_shell([shell, "-c", line], environ)
    assert program == str(docker)
    direct = subprocess.run(words, executable=program, env=environ, stdout=subprocess.PIPE)
    by_shell = subprocess.run([shell, "-c", line], env=environ, stdout=subprocess.PIPE)
    assert direct.stdout == by_shell.stdout


@pytest.mark.parametrize("line", FOR_A_SHELL)
def test_what_a_shell_changes_is_left_to_it(line: str, docker: Path) -> None:
    given: list[str | bytes] = [b"/bin/sh", b"-c", line.encode()]
    assert command_lines.without_shell(given, {"PATH": str(docker.parent)}) == (given[0], given)


@pytest.mark.parametrize(
    ("shell", "more"),
    [
        ("/bin/zsh", {}), ("/bin/bash", {"BASH_ENV": "/etc/x"}),
        ("/bin/bash", {"BASH_FUNC_docker%%": "() { :; }"}), ("/bin/sh", {"PATH": "/nowhere"}),
    ],
)  # fmt: skip
def test_a_shell_of_its_own_mind_is_asked(shell: str, more: dict[str, str], docker: Path) -> None:
    given: list[str | bytes] = [shell, "-c", "docker ps"]
    environ = {"PATH": str(docker.parent), **more}
    assert command_lines.without_shell(given, environ) == (shell, given)


@pytest.mark.parametrize("first_line", ["#!/bin/sh\n", ""])
def test_a_docker_line_is_run(
    first_line: str,
    spawned: list[Any],
    docker: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    docker.write_text(docker.read_text().replace("#!/bin/sh\n", first_line))
    monkeypatch.setenv("PATH", str(docker.parent), prepend=os.pathsep)
    assert system("docker ps -a") == 0
    assert capsys.readouterr().out == f"<{docker}><ps><-a>"


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
