"""A student at a terminal: keys typed into ``docker run -it``, on both engines.

The real ``docker`` command runs on a pseudo-terminal, as in JupyterLab's.
"""

from __future__ import annotations

import signal

import pytest

from tests.contract.harness import DEADLINE, Bench, until
from tests.contract.terminal import PROMPT, at_terminal

pytestmark = pytest.mark.usefixtures("docker_command")


def test_line_editing(bench: Bench) -> None:
    container = bench.run("c")
    with at_terminal(bench, "exec", "-it", container, "sh") as (user, process):
        user.until(PROMPT)
        user.type("echo wrld\x1b[D\x1b[D\x1b[Do\r")  # arrows
        user.until(r"\nworld\r\n")
        user.until(PROMPT)
        user.type("two\x01echo one \r")  # Ctrl-A
        user.until(r"\none two\r\n")
        user.until(PROMPT)
        user.type("\x1b[A\x15echo new\r")  # arrow up, Ctrl-U
        user.until(r"\nnew\r\n")
        user.until(PROMPT)
        user.type("echo a b\x17c\r")  # Ctrl-W
        user.until(r"\na c\r\n")
        user.until(PROMPT)
        user.type("\x1b[A\x1b[A\r")  # arrow up twice: the history
        user.until(r"\nnew\r\n")
        user.until(PROMPT)
        user.type("echo done\x01\x0b\x05echo kept\r")  # Ctrl-K, Ctrl-E
        user.until(r"\nkept\r\n")
        user.until(PROMPT)
        user.type("cat /etc/host\t\t")  # tab completion: hostname, hosts
        user.until(r"hostname +hosts")
        user.type("n\t\r")
        user.until(container[:12])
        user.until(PROMPT)
        user.type("\x04")  # Ctrl-D
        assert process.wait(2 * DEADLINE) == 0


def test_run_and_detach(bench: Bench) -> None:
    name = bench.adopt(bench.name("c"))
    words = ("run", "-it", "--name", name, "alpine")
    with at_terminal(bench, *words) as (user, process):
        user.until(PROMPT)
        user.type("tty; x=kept\r")
        user.until(r"/dev/pts/0\r\n")
        user.type("\x10\x11")  # Ctrl-P Ctrl-Q
        assert process.wait(2 * DEADLINE) == 0
    assert bench.state(name)["Running"]
    with at_terminal(bench, "attach", name) as (user, process):
        user.type("\r")
        user.until(PROMPT)
        user.type("echo $x; exit 3\r")
        user.until(r"\nkept\r\n")
        assert process.wait(2 * DEADLINE) == 3


def test_attach_again_with_keys_of_ones_own(bench: Bench) -> None:
    name = bench.adopt(bench.name("c"))
    bench.cli("run", "-dit", "--name", name, "alpine")
    attach = ("attach", "--detach-keys", "ctrl-x,d", name)
    with at_terminal(bench, *attach) as (user, process), at_terminal(bench, *attach) as (other, _):
        for terminal in (user, other):  # an attached terminal shows what comes from now on
            terminal.type("\r")
            terminal.until(PROMPT)
        user.type("x=kept; echo for all\r")
        for terminal in (user, other):
            terminal.until(r"\nfor all\r\n")
        user.type("\x18d")
        user.until("read escape sequence")
        assert process.wait(2 * DEADLINE) == 1  # so the command says that it has not seen the end
        other.type("echo $x.\r")  # who did not detach is still there
        other.until(r"\nkept\.\r\n")
    with at_terminal(bench, *attach) as (user, process):
        user.type("echo $x again; exit 5\r")
        user.until(r"\nkept again\r\n")
        assert process.wait(2 * DEADLINE) == 5


def test_top_on_a_screen(bench: Bench) -> None:
    container = bench.run("c", ["sleep", "1000"])
    with at_terminal(bench, "exec", "-it", container, "sh") as (user, process):
        user.until(PROMPT)
        user.type("top -d 1\r")
        for _ in range(2):  # it draws itself again
            user.until(r"Mem: ")
            user.until(r"COMMAND")
            user.until(r"sleep 1000")
        user.type("q")
        user.until(PROMPT)
        user.type("exit\r")
        assert process.wait(2 * DEADLINE) == 0


def running(bench: Bench, container: str, program: str) -> bool:
    """Whether ``docker top`` shows a program of a container."""
    table = bench.cli("top", container).out
    return any(line.endswith(f" {program}") for line in table.splitlines())


def test_control_c_ends_the_program_not_the_shell(bench: Bench) -> None:
    name = bench.adopt(bench.name("c"))
    with at_terminal(bench, "run", "-it", "--name", name, "alpine") as (user, process):
        user.until(PROMPT)
        for program in ("sleep 1000", "ping -c 1000 127.0.0.1", "cat", "tail -f /etc/hosts"):
            user.type(f"{program}\r")
            until(lambda command=program: running(bench, name, command))  # type: ignore[misc]
            user.type("\x03")
            user.until(r"\^C")
            if program.startswith("ping"):
                user.until(r"round-trip min/avg/max")
            user.until(PROMPT)
            user.type("echo $?.\r")
            code = 0 if program.startswith("ping") else 130
            user.until(rf"\n{code}\.\r\n")
            user.until(PROMPT)
            assert not running(bench, name, program)
        user.type("sleep 1000; echo $?; echo not reached\r")
        until(lambda: running(bench, name, "sleep 1000"))
        user.type("\x03")
        user.until(PROMPT)
        user.type("never typed\x03")  # throws the line away
        user.until(PROMPT)
        user.type("echo $?.\r")
        user.until(r"\n130\.\r\n")
        user.type("exit 4\r")
        assert process.wait(2 * DEADLINE) == 4


def test_size_of_the_window(bench: Bench) -> None:
    container = bench.run("c")
    with at_terminal(bench, "exec", "-it", container, "sh") as (user, process):
        user.until(PROMPT)
        for rows, columns in ((31, 101), (17, 63)):
            user.resize(rows, columns)

            def told(wanted: str = f"rows {rows} {columns}.") -> bool:
                # As the kernel does for a terminal that is the command's own.
                process.send_signal(signal.SIGWINCH)
                user.type("echo rows $(stty size).\r")
                shown = user.until(r"rows [\d ]*\.\r\n")
                user.until(PROMPT)
                return wanted in shown

            until(told)


def test_an_editor(bench: Bench) -> None:
    container = bench.run("c")
    shown = r"(?s)\x1b\[.*/note"  # the screen, with its line of status
    commands = r"- /note|m-\x1b"  # in it, a sign that keys are commands again
    with at_terminal(bench, "exec", "-it", container, "sh") as (user, process):
        user.until(PROMPT)
        user.type("vi /note\r")
        user.until(shown)
        user.type("ione\rtwo\rthree\x1b")
        user.until(commands)
        user.type("1Gdd")  # the first line goes
        user.type("/hree\rx")  # and a letter of the last one
        user.type(":w\r")
        until(lambda: bench.sh(container, "cat /note").out == "two\ntree\n")
        user.type("yyp:q\r")  # what is not written is not lost
        user.until("No write since last change")
        user.type("u:x\r")
        user.until(PROMPT)
        user.type("vi /note\r")
        user.until(shown)
        user.type(":1,$s/t/T/\rGofour\x1b")
        user.until("four")
        user.until(commands)
        user.type("ZZ")
        user.until(PROMPT)
        user.type("exit\r")
        assert process.wait(2 * DEADLINE) == 0
    assert bench.sh(container, "cat /note").out == "Two\nTree\nfour\n"
