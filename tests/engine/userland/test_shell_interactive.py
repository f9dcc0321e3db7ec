"""The shell at a terminal."""

from __future__ import annotations

import pytest

from tests.engine.userland.conftest import Box
from tests.engine.userland.terminal_user import TerminalUser


@pytest.fixture
async def user(box: Box) -> TerminalUser:
    user = TerminalUser(box)
    await user.run("sh")
    await user.sees("/ # ")
    return user


async def quit_shell(user: TerminalUser) -> int:
    await user.type("exit\r")
    return await user.ends()


async def test_commands_run_and_the_prompt_comes_back(user: TerminalUser) -> None:
    await user.type("echo $((6*7))\r")
    await user.sees("42\r\n/ # ")
    await user.type("cd /root\r")
    await user.sees("~ # ")
    await user.type("false\r")
    await user.sees("~ # ")
    await user.type("echo $?\r")
    await user.sees("1\r\n~ # ")
    await user.type("exit 7\r")
    assert await user.ends() == 7


async def test_end_of_input_ends_the_shell(user: TerminalUser) -> None:
    await user.type("\x04")
    assert await user.ends() == 0


async def test_lines_are_not_edited_as_in_vi(user: TerminalUser) -> None:
    await user.type("set -o vi; echo $?\r")
    await user.sees("set: editing as in vi is not available in the embedded engine\r\n")
    assert await quit_shell(user) == 2


async def test_an_open_command_asks_for_more(user: TerminalUser) -> None:
    await user.type("for i in 1 2\r")
    await user.sees("> ")
    await user.type("do echo n$i; done\r")
    await user.sees("n1\r\nn2\r\n/ # ")
    await user.type("cat <<END\r")
    await user.sees("> ")
    await user.type("in here $HOME\r")
    await user.sees("> ")
    await user.type("END\r")
    await user.sees("in here /root\r\n")
    await user.type('echo "two\r')
    await user.sees("> ")
    await user.type('lines"\r')
    await user.sees("two\r\nlines\r\n")
    assert await quit_shell(user) == 0


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("echo ab\x1b[DX\r", "aXb"),
        ("bc\x01echo a\r", "abc"),
        ("echo a\x01\x05b\r", "ab"),
        ("echo abc\x7f\x7fd\r", "ad"),
        ("echo one two\x17\x17three\r", "three"),
        ("nonsense\x15echo clean\r", "clean"),
        ("echo keepcut\x1b[D\x1b[D\x1b[D\x0b\r", "keep"),
        ("echo x\x1b[H\x1b[C\x1b[3~\x1b[Fy\r", "eho: not found"),
        ("echo caf\xe9\x7fe\r", "cafe"),
    ],
)
async def test_editing(user: TerminalUser, keys: str, shown: str) -> None:
    await user.type(keys)
    await user.sees(f"\r\n{shown}" if "not" not in shown else shown)
    assert await quit_shell(user) in (0, 127)


async def test_history_comes_back_with_the_arrows(user: TerminalUser) -> None:
    await user.type("echo first\r")
    await user.sees("\r\nfirst\r\n")
    await user.type("echo second\r")
    await user.sees("\r\nsecond\r\n")
    await user.type("\x1b[A\x1b[A\r")
    await user.sees("\r\nfirst\r\n")
    await user.type("\x12sec\r")
    await user.sees("\r\nsecond\r\n")
    assert await quit_shell(user) == 0


async def test_tab_completes_commands_and_files(user: TerminalUser) -> None:
    # The builtins about names are loaded, which must not hide the list of all builtins.
    await user.type("type type\r")
    await user.sees("type is a shell builtin")
    await user.type("cat /etc/pass\t\r")
    await user.sees("root:x:0:0:")
    await user.sees("/ # ")
    await user.type("hea\t-n 1 /etc/gro\t\r")
    await user.sees("\r\nroot:x:0:root")
    assert await quit_shell(user) == 0


async def test_interrupting_what_is_typed_and_what_runs(user: TerminalUser) -> None:
    await user.type("half a comm\x03")
    await user.sees("^C\r\n\r\n/ # ")
    await user.type("sleep 1000\r")
    await user.sees("sleep 1000\r\n")
    await user.type("\x03")
    await user.sees("^C\r\n/ # ")
    await user.type("echo $?\r")
    await user.sees("130\r\n/ # ")
    await user.type("while :; do :; done\r")
    await user.sees("done\r\n")
    await user.type("\x03")
    await user.sees("^C\r\n/ # ")
    assert await quit_shell(user) == 130


async def test_jobs_stop_go_on_and_are_told_of(user: TerminalUser) -> None:
    await user.type("sleep 1000\r")
    await user.sees("sleep 1000\r\n")
    await user.type("\x1a")
    await user.sees("[1]+  Stopped                    sleep 1000")
    await user.sees("/ # ")
    await user.type("bg\r")
    await user.sees("[1] sleep 1000\r\n/ # ")
    await user.type("jobs\r")
    await user.sees("[1]+  Running                    sleep 1000\r\n/ # ")
    await user.type("kill %1; wait\r")
    await user.sees("/ # ")
    await user.type("fg\r")
    await user.sees("/ # ")
    assert await quit_shell(user) != 0


async def test_a_program_reads_lines_as_typed(user: TerminalUser) -> None:
    await user.type("cat\r")
    await user.sees("cat\r\n")
    await user.type("echo me\r")
    await user.sees("echo me\r\necho me\r\n")
    await user.type("\x04")
    await user.sees("/ # ")
    await user.type("read name\r")
    await user.sees("read name\r\n")
    await user.type("Ada\r")
    await user.sees("/ # ")
    await user.type("echo hello $name\r")
    await user.sees("\r\nhello Ada\r\n")
    assert await quit_shell(user) == 0


async def test_errors_leave_the_shell_alive(user: TerminalUser) -> None:
    await user.type("fi\r")
    await user.sees('sh: syntax error: unexpected "fi"')
    await user.type("echo ${x?gone}\r")
    await user.sees("sh: x: gone")
    await user.type("nosuch\r")
    await user.sees("sh: nosuch: not found")
    await user.type("cd /nowhere\r")
    await user.sees("sh: cd: can't cd to /nowhere: No such file or directory")
    assert await quit_shell(user) == 2


async def test_other_users_and_prompts(box: Box) -> None:
    user = TerminalUser(box)
    await user.run("sh", env=("PATH=/bin", "HOME=/root", "PS1=[\\u@\\h \\W]\\$ "))
    await user.sees("[root@box ]# ")  # ash shows no name for the root directory
    await user.type("PS1='> '\r")
    await user.sees("> ")
    assert await quit_shell(user) == 0


async def test_bash_speaks_its_own_words(box: Box) -> None:
    (box.root / "bin/bash").write_text("#!embedded bash\n")
    (box.root / "bin/bash").chmod(0o755)
    user = TerminalUser(box)
    await user.run("bash")
    await user.sees("root@box:/# ")
    await user.type("nosuch\r")
    await user.sees("bash: nosuch: command not found")
    await user.type("echo {1..3} a{b,c}; cat <<< here\r")
    await user.sees("\r\n1 2 3 ab ac\r\nhere\r\n")
    assert await quit_shell(user) == 0
