"""Processes: execution, signals, children, freezing."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable

import pytest

from course_lib.engine.clock import Clock
from course_lib.engine.interfaces import ProcessSpec
from course_lib.engine.userland.files import MemoryFile, NullFile
from course_lib.engine.userland.machine import ContainerMachine
from course_lib.engine.userland.process import ContainerProcess
from tests.engine.conftest import ManualClock, settle
from tests.engine.userland.conftest import Box

ENV = ("PATH=/bin",)


async def start(
    machine: ContainerMachine, *argv: str, user: str = "", cwd: str = "/"
) -> ContainerProcess:
    return await machine.start(
        ProcessSpec(argv, ENV, cwd, user), NullFile(), NullFile(), NullFile()
    )


async def test_program_runs_and_returns_its_exit_code(box: Box) -> None:
    assert await box.run("echo", "hello", "world") == (0, "hello world\n", "")
    assert (await box.run("false"))[0] == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [("ghost", errno.ENOENT), ("/etc", errno.EISDIR), ("/etc/passwd", errno.EACCES),
     ("/etc/passwd/x", errno.ENOTDIR)],
)  # fmt: skip
async def test_what_cannot_be_executed_raises_what_runc_finds(
    box: Box, name: str, code: int
) -> None:
    with pytest.raises(OSError, match=os.strerror(code)) as caught:
        await start(box.machine, name)
    assert caught.value.errno == code


async def test_a_file_without_interpreter_is_no_program(box: Box) -> None:
    (box.root / "bin/plain").write_text("hello\n")
    (box.root / "bin/plain").chmod(0o755)
    with pytest.raises(OSError, match="Exec format error"):
        await start(box.machine, "plain")


async def test_interpreter_line_is_followed(box: Box) -> None:
    (box.root / "bin/script").write_text("#!/bin/echo one two\nrest\n")
    (box.root / "bin/script").chmod(0o755)
    assert (await box.run("script", "x"))[1] == "one two /bin/script x\n"


async def test_pid_1_ignores_what_it_does_not_handle_but_the_outside_kills_it(box: Box) -> None:
    process = await start(box.machine, "sleep", "1000")
    box.machine.signal(1, signal.SIGTERM)
    await settle()
    assert process.exit_code is None
    box.machine.kill(process, 1, signal.SIGKILL)
    await settle()
    assert process.exit_code is None
    box.machine.signal(1, signal.SIGKILL)
    assert await process.wait() == 137


async def test_a_second_process_dies_of_a_signal_and_of_the_end_of_pid_1(box: Box) -> None:
    init = await start(box.machine, "sleep", "1000")
    second = await start(box.machine, "sleep", "1000")
    third = await start(box.machine, "sleep", "1000")
    box.machine.signal(second.pid, signal.SIGTERM)
    assert await second.wait() == 143
    init.kill(signal.SIGKILL)
    assert await init.wait() == 137
    assert third.exit_code == 137
    assert not box.machine.processes()


async def test_killing_before_the_first_step_leaves_nothing(box: Box) -> None:
    process = await start(box.machine, "sleep", "1000")
    process.kill(signal.SIGKILL)
    assert await process.wait() == 137


async def test_pause_freezes_and_unpause_goes_on(make_box: Callable[[Clock], Box]) -> None:
    clock = ManualClock()
    machine = make_box(clock).machine
    out = MemoryFile()

    process = await machine.start(ProcessSpec(("sleep", "5"), ENV), NullFile(), out, NullFile())
    await settle()
    machine.pause()
    await clock.advance(60)
    assert process.exit_code is None
    assert [row.state for row in machine.processes()] == ["D"]
    machine.unpause()
    assert await process.wait() == 0


async def test_signals_wait_while_frozen(box: Box) -> None:
    await start(box.machine, "sleep", "1000")
    second = await start(box.machine, "sleep", "1000")
    await settle()
    box.machine.pause()
    second.kill(signal.SIGTERM)
    await settle()
    assert second.exit_code is None
    box.machine.unpause()
    assert await second.wait() == 143
    await box.machine.kill_all()


async def test_stop_and_continue(box: Box) -> None:
    await start(box.machine, "sleep", "1000")
    second = await start(box.machine, "sleep", "0.01")
    second.kill(19)
    await asyncio.sleep(0.02)
    assert second.state == "T"
    second.kill(18)
    assert await second.wait() == 0
    await box.machine.kill_all()


async def test_rest_is_when_all_wait_for_something(box: Box) -> None:
    shell = await start(box.machine, "sh", "-c", "seq 2000 | sort -n | tail -n 1; exec sleep 1000")
    await box.machine.come_to_rest(seconds=60)
    assert shell.argv == ["sleep", "1000"]
    await box.machine.kill_all()


async def test_rest_is_not_waited_for_long(box: Box) -> None:
    busy = await start(box.machine, "sh", "-c", "while :; do :; done")
    await box.machine.come_to_rest(seconds=0.01)
    assert busy.exit_code is None
    await box.machine.kill_all()


async def test_rest_is_the_end_as_well(box: Box) -> None:
    process = await start(box.machine, "true")
    await box.machine.come_to_rest(seconds=60)
    assert process.exit_code == 0


async def test_orphans_go_to_pid_1(box: Box) -> None:
    init = await start(box.machine, "sleep", "1000")
    middle = await start(box.machine, "sleep", "1000")
    orphan = await middle.spawn(["sleep", "1000"])
    assert orphan.ppid == middle.pid
    middle.kill(signal.SIGKILL)
    await middle.wait()
    assert orphan.ppid == 1
    orphan.kill(signal.SIGKILL)
    await settle()
    assert {row.pid: row.state for row in box.machine.processes()}[orphan.pid] == "Z"
    init.kill(signal.SIGKILL)
    await init.wait()
    assert not box.machine.processes()


async def test_unknown_user_and_missing_working_directory(box: Box) -> None:
    with pytest.raises(KeyError, match="unable to find user ghost"):
        await start(box.machine, "true", user="ghost")
    await start(box.machine, "true", cwd="/made/for/it")
    assert (box.root / "made/for/it").is_dir()


@pytest.mark.parametrize(
    ("spec", "who"),
    [("", (0, 0)), ("nobody", (65534, 65534)), ("1000", (1000, 0)), ("1000:users", (1000, 100)),
     ("nobody:5", (65534, 5))],
)  # fmt: skip
async def test_users(box: Box, spec: str, who: tuple[int, int]) -> None:
    process = await start(box.machine, "true", user=spec)
    assert (process.uid, process.gid) == who
    await process.wait()


async def test_an_endless_process_lets_others_run(box: Box) -> None:
    process = await start(box.machine, "sleep", "1000")

    async def spin(proc: ContainerProcess) -> int:
        while True:
            await proc.tick()

    child = process.fork(spin)
    await settle()
    child.kill(signal.SIGKILL)
    assert await child.wait() == 137
    await box.machine.kill_all()


async def test_one_that_swallows_its_death_is_dropped(box: Box) -> None:
    process = await start(box.machine, "sleep", "1000")

    async def stubborn(proc: ContainerProcess) -> int:
        while True:
            try:
                await proc.sleep(1000)
            except asyncio.CancelledError:
                continue

    child = process.fork(stubborn)
    await settle()
    child.kill(signal.SIGKILL)
    assert await child.wait() == 137
    await box.machine.kill_all()


async def test_handlers_run_and_exec_forgets_them(box: Box) -> None:
    process = await start(box.machine, "sleep", "1000")
    seen: list[int] = []

    async def handles(proc: ContainerProcess) -> int:
        proc.on_signal(signal.SIGUSR1, seen.append)
        proc.kill(signal.SIGUSR1)
        await proc.execute(["sleep", "1000"])

    child = process.fork(handles)
    await settle()
    assert seen == [signal.SIGUSR1]
    assert child.argv == ["sleep", "1000"]
    child.kill(signal.SIGUSR1)
    assert await child.wait() == 128 + signal.SIGUSR1
    await box.machine.kill_all()
