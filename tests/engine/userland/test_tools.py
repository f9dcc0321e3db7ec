"""Programs whose output depends on the container, and so cannot be compared with the host's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import pytest

from course_lib.engine.clock import Clock
from course_lib.engine.interfaces import ProcessSpec
from course_lib.engine.userland import applets
from course_lib.engine.userland.files import MemoryFile, NullFile
from tests.engine.conftest import ManualClock, settle
from tests.engine.userland.conftest import Box


async def out(box: Box, script: str, user: str = "") -> str:
    code, text, err = await box.run("sh", "-c", script, user=user)
    assert code == 0, err
    return text


async def test_ps_shows_the_processes_of_the_container(box: Box) -> None:
    text = await out(box, "sleep 1000 & ps; ps -o pid,ppid,user,args | grep sleep; kill $!")
    lines = text.splitlines()
    assert lines[0] == "PID   USER     TIME  COMMAND"
    assert re.match(r"    1 root      0:\d\d sh -c", lines[1])
    assert any(line.endswith("sleep 1000") for line in lines)
    code, _, err = await box.run("ps", "-o", "nonsense")
    assert code == 1
    assert "bad -o argument 'nonsense'" in err


async def test_finding_and_signalling_processes_by_name(box: Box) -> None:
    script = (
        "sleep 1000 & sleep 1001 & pidof sleep; pgrep -xf 'sleep 1001'; "
        "killall sleep; wait; pgrep sleep"
    )
    code, text, _ = await box.run("sh", "-c", script)
    assert (code, text) == (1, "3 2\n3\n")
    code, _, err = await box.run("killall", "nobody")
    assert (code, err) == (1, "killall: nobody: no process killed\n")
    assert (await out(box, "sleep 1000 & pkill -KILL sl; wait $!; echo $?")) == "137\n"


async def test_top_once(box: Box) -> None:
    text = await out(box, "top -b -n1; :")
    assert "PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND" in text
    assert "top -b -n1" in text


@pytest.mark.parametrize(
    ("command", "user", "text"),
    [
        ("id", "", "uid=0(root) gid=0(root) groups=0(root)"),
        ("id -G", "nobody", "65534 100"),
        ("id -Gn", "nobody", "nobody users"),
        ("id -un", "nobody", "nobody"),
        ("id", "1000:100", "uid=1000 gid=100(users) groups=100(users)"),
        ("whoami", "nobody", "nobody"),
        ("groups", "nobody", "nobody users"),
        ("id root", "nobody", "uid=0(root) gid=0(root) groups=0(root)"),
    ],
)
async def test_who_one_is(box: Box, command: str, user: str, text: str) -> None:
    assert await out(box, command, user) == f"{text}\n"


async def test_a_user_without_rights_is_refused(box: Box) -> None:
    (box.root / "etc/secret").write_text("x")
    (box.root / "etc/secret").chmod(0o600)
    code, _, err = await box.run("cat", "/etc/secret", user="nobody")
    assert (code, err) == (1, "cat: can't open '/etc/secret': Permission denied\n")
    code, _, err = await box.run("kill", "1", user="nobody")
    assert code == 0  # itself
    code, _, err = await box.run("su", user="nobody")
    assert (code, err) == (1, "su: must be suid to work properly\n")
    assert await out(box, "su nobody -c whoami -s /bin/sh") == "nobody\n"


async def test_the_date_is_that_of_the_containers_clock(
    make_box: Callable[[Clock], Box],
) -> None:
    box = make_box(ManualClock())
    assert await out(box, "date") == "Tue Nov 14 22:13:20 UTC 2023\n"
    assert await out(box, "date +%s.%N") == "1700000000.000000000\n"
    assert await out(box, "touch /root/x; ls -l /root/x; date -r /root/x +%Y") != ""
    code, _, err = await box.run("date", "-s", "12:00")
    assert (code, err) == (0, "date: can't set date: Operation not permitted\n")


@pytest.mark.parametrize("words", ["-d 02.29-10:00", "-D '%d %m %H:%M' -d '29 02 10:00'"])
async def test_leap_day_of_the_year_that_is_not_said(
    make_box: Callable[[Clock], Box], words: str
) -> None:
    # 1 March 2028. (Without a year, strptime thinks of 1900, which had no such day.)
    box = make_box(ManualClock(1_835_481_600_000_000_000))
    assert await out(box, f"date {words} +%F-%T") == "2028-02-29-10:00:00\n"


async def test_tail_follows_growing_truncated_and_replaced_files(
    make_box: Callable[[Clock], Box],
) -> None:
    clock = ManualClock()
    box = make_box(clock)
    log = box.root / "root/log"
    log.write_text("one\ntwo\n")
    shown, errors = MemoryFile(), MemoryFile()
    machine = box.fresh()
    spec = ProcessSpec(("tail", "-n", "1", "-F", "log"), ("PATH=/bin",), "/root")
    process = await machine.start(spec, NullFile(), shown, errors)
    await clock.advance(1.1)
    assert shown.content == b"two\n"
    with log.open("a") as file:
        file.write("three\n")
    await clock.advance(1.1)
    assert shown.content == b"two\nthree\n"
    with log.open("a") as file:
        file.write("four\n")
    await clock.advance(0.15)
    assert shown.content == b"two\nthree\nfour\n"
    log.rename(box.root / "root/log.1")
    log.write_text("new\n")
    await clock.advance(2.1)
    assert shown.content == b"two\nthree\nfour\nnew\n"
    assert b"log has been replaced" in errors.content
    log.write_text("")
    await clock.advance(1.1)
    with log.open("a") as file:
        file.write("n\n")
    await clock.advance(1.1)
    assert shown.content.endswith(b"new\nn\n")
    process.kill(9)
    await process.wait()


async def test_tail_looks_as_often_as_it_is_told(make_box: Callable[[Clock], Box]) -> None:
    clock = ManualClock()
    box = make_box(clock)
    log = box.root / "root/log"
    log.write_text("one\n")
    shown = MemoryFile()
    machine = box.fresh()
    spec = ProcessSpec(("tail", "-f", "-s", "5", "log"), ("PATH=/bin",), "/root")
    process = await machine.start(spec, NullFile(), shown, MemoryFile())
    await clock.advance(0.1)
    with log.open("a") as file:
        file.write("two\n")
    await clock.advance(4)
    assert shown.content == b"one\n"
    await clock.advance(1)
    assert shown.content == b"one\ntwo\n"
    process.kill(9)
    await process.wait()


async def test_head_closes_the_pipe_and_ends_who_writes(box: Box) -> None:
    async with asyncio.timeout(60):
        assert await out(box, "yes | head -n 2; echo done") == "y\ny\ndone\n"
        assert await out(box, "set -o pipefail; yes | head -n 1 >/dev/null; echo $?; :") == "141\n"


async def test_time_limits_and_watching(make_box: Callable[[Clock], Box]) -> None:
    clock = ManualClock()
    box = make_box(clock)
    waiting = asyncio.create_task(box.run("timeout", "5", "sleep", "100"))
    await clock.advance(6)
    assert (await waiting)[0] == 143
    waiting = asyncio.create_task(box.run("time", "sleep", "2"))
    await clock.advance(3)
    assert "real\t0m 2.00s" in (await waiting)[2]
    shown = MemoryFile()
    machine = box.fresh()
    spec = ProcessSpec(("watch", "-n", "1", "echo", "tick"), ("PATH=/bin",))
    process = await machine.start(spec, NullFile(), shown, NullFile())
    await clock.advance(2.5)
    assert shown.content.count(b"tick\n") == 3
    process.kill(9)
    await process.wait()


async def test_init_passes_signals_on_and_reaps(box: Box) -> None:
    (box.root / "bin/docker-init").write_text("#!embedded docker-init\n")
    (box.root / "bin/docker-init").chmod(0o755)
    machine = box.fresh()
    spec = ProcessSpec(("docker-init", "--", "sleep", "1000"), ("PATH=/bin",))
    process = await machine.start(spec, NullFile(), NullFile(), NullFile())
    await settle()
    assert [row.argv[0] for row in machine.processes()] == ["docker-init", "sleep"]
    machine.signal(1, 15)
    assert await process.wait() == 143


async def test_standard_error_of_a_missing_program(box: Box) -> None:
    code, _, err = await box.run("sh", "-c", "emacs")
    assert (code, err) == (127, "sh: emacs: not found\n")


async def test_disk_usage_and_mounts(box: Box) -> None:
    assert (await out(box, "df -h / | head -n 1")).split()[:4] == [
        "Filesystem", "Size", "Used", "Available",
    ]  # fmt: skip
    assert "overlay on / type overlay" in await out(box, "mount")
    code, _, err = await box.run("mount", "-t", "tmpfs", "tmpfs", "/mnt")
    assert code != 0
    assert "permission denied" in err
    assert (await box.run("mountpoint", "/root"))[0] == 1
    assert (await box.run("mountpoint", "-q", "/proc"))[0] == 0


# Programs that run for ever, or that the network's tests know.
ELSEWHERE = {"yes", "top", "watch"}
OWN = [
    name
    for name in applets.names()
    if name not in ELSEWHERE
    and "net_" not in applets.where(name)
    and ".servers." not in applets.where(name)
]


@pytest.mark.parametrize("name", OWN)
async def test_every_program_takes_nonsense_without_a_fault(box: Box, name: str) -> None:
    for words in (["-Z"], ["--nonsense"], ["nofile"], ["-n", "é"], ["--help"], [], ["/", "-1"]):
        async with asyncio.timeout(60):
            code, _, err = await box.run(name, *words, stdin=b"x 1\n\xff\n")
        assert "internal error" not in err
        assert code != 134


@pytest.mark.parametrize("name", applets.names())
async def test_every_program_can_be_loaded_and_explains_itself(box: Box, name: str) -> None:
    assert applets.find(name) is not None
    assert name in (await out(box, "busybox --list")).splitlines()


async def test_a_fault_of_our_own_is_one_line_for_the_user(
    box: Box, caplog: pytest.LogCaptureFixture
) -> None:
    process = await box.machine.start(
        ProcessSpec(("sleep", "1000"), ("PATH=/bin",)), NullFile(), NullFile(), NullFile()
    )
    errors = MemoryFile()

    async def faulty(_proc: object) -> int:
        raise ValueError("oops")

    child = process.fork(faulty, fds={2: errors})
    assert await child.wait() == 134
    assert errors.content == b"sleep: internal error: oops\n"
    assert "oops" in caplog.text
    await box.machine.kill_all()


async def test_users_and_groups_are_made_and_removed(box: Box) -> None:
    (box.root / "home").mkdir()
    script = """
        addgroup -g 500 team && adduser -D -G team ada && adduser -D -H -u 2000 bob
        addgroup bob team; id ada; id bob; su ada -c 'whoami; echo ~'
        ls -ld /home/ada; deluser bob; id bob; delgroup team; echo $?
    """
    code, text, err = await box.run("sh", "-c", script)
    assert code == 0
    lines = text.splitlines()
    assert lines[0] == "uid=1000(ada) gid=500(team) groups=500(team)"
    assert lines[1] == "uid=2000(bob) gid=2000(bob) groups=2000(bob),500(team)"
    assert lines[2:4] == ["ada", "/home/ada"]
    assert lines[4].startswith("drwxr-xr-x    2 ada      team")
    assert lines[5] == "1"
    assert err == (
        "id: unknown user bob\ndelgroup: 'ada' still has 'team' as their primary group!\n"
    )
    code, _, err = await box.run("adduser", "-D", "eve", user="nobody")
    assert (code, err) == (1, "adduser: must be superuser\n")


async def test_the_shell_lists_its_builtins(box: Box) -> None:
    text = await out(box, "help")
    assert "getopts" in text.split()
    assert "unset" in text.split()


async def test_a_shell_as_first_process_takes_orphans_away(box: Box) -> None:
    script = "sh -c 'sleep 0.01 & exit'; sleep 0.05; true; ps -o pid,stat,comm | grep -c Z; :"
    assert await out(box, script) == "0\n"


async def test_a_trap_cuts_waiting_short(box: Box) -> None:
    script = "trap 'echo bye; exit 5' TERM; (sleep 0.02; kill $$) & sleep 1000 & wait; echo no"
    async with asyncio.timeout(60):
        code, text, _ = await box.run("sh", "-c", script)
    assert (code, text) == (5, "bye\n")


async def test_bash_words_its_errors_as_bash_4(box: Box) -> None:
    (box.root / "bin/bash").write_text("#!embedded bash\n")
    (box.root / "bin/bash").chmod(0o755)
    (box.root / "etc/os-release").write_text("ID=centos\n")
    (box.root / "root/s").write_text("true\nnosuch\ncd /nox\n")
    assert (await box.run("bash", "s"))[2] == (
        "s: line 2: nosuch: command not found\ns: line 3: cd: /nox: No such file or directory\n"
    )
    assert (await box.run("bash", "-c", "nosuch; cd /nox; /etc"))[2] == (
        "bash: nosuch: command not found\n"
        "bash: line 0: cd: /nox: No such file or directory\n"
        "bash: /etc: Is a directory\n"
    )
    assert (await box.run("bash", "-c", "a | | b"))[2] == (
        "bash: syntax error near unexpected token `|'\n"
    )
