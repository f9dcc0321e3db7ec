"""Exec instances."""

from __future__ import annotations

import pytest

from course_lib.engine.container.container import Container
from course_lib.engine.container.exec import Exec, ExecSpec
from course_lib.engine.errdefs import Conflict, InvalidParameter, NotFound, SystemFailure
from tests.engine.conftest import ManualClock, settle
from tests.engine.container.conftest import Bench


def make(bench: Bench, container: Container, *argv: str, **options: object) -> Exec:
    spec = ExecSpec(list(argv), attach_stdout=True, attach_stderr=True, **options)  # type: ignore[arg-type]
    return bench.service.execs.create(container, container.name, spec)


async def output(bench: Bench, instance: Exec) -> str:
    attachment = instance.streams.attach(stdout=True, stderr=True)
    await bench.service.execs.start(instance)
    text = b""
    while (item := await attachment.next()) is not None:
        text += item[1]
    return text.decode()


async def test_runs_beside_the_first_process(bench: Bench) -> None:
    container = await bench.run("sleep", "1000", env=["A=1"])
    instance = make(bench, container, "sh", "-c", "echo $A $B; exit 3", env=["B=2"])
    assert container.execs == {instance.id: instance}
    assert await output(bench, instance) == "1 2\n"
    assert (instance.running, instance.exit_code) == (False, 3)
    assert container.execs == {}
    await settle()
    assert bench.actions(container)[-3:] == [
        "exec_create: sh -c echo $A $B; exit 3",
        "exec_start: sh -c echo $A $B; exit 3",
        "exec_die",
    ]


async def test_user_and_directory(bench: Bench) -> None:
    container = await bench.run("sleep", "1000", working_dir="/tmp", user="nobody")
    assert await output(bench, make(bench, container, "sh", "-c", "pwd; id -un")) == (
        "/tmp\nnobody\n"
    )
    own = make(bench, container, "sh", "-c", "pwd; id -un", working_dir="/etc", user="root")
    assert await output(bench, own) == "/etc\nroot\n"


@pytest.mark.parametrize(
    ("argv", "options", "text"),
    [
        (["ghost"], {}, 'exec: "ghost": executable file not found in $PATH: unknown'),
        (["pwd"], {"working_dir": "x"}, "Cwd must be an absolute path: unknown"),
        (
            ["pwd"],
            {"working_dir": "/no"},
            'chdir to cwd ("/no") set in config.json failed: no such file or directory: unknown',
        ),
    ],
)
async def test_what_cannot_be_executed(
    bench: Bench, argv: list[str], options: dict[str, str], text: str
) -> None:
    container = await bench.run("sleep", "1000")
    instance = make(bench, container, *argv, **options)
    with pytest.raises(InvalidParameter, match="OCI runtime exec failed: exec failed: ") as caught:
        await bench.service.execs.start(instance)
    assert str(caught.value).endswith(text)
    assert (instance.running, instance.exit_code) == (False, 126)


async def test_unknown_user(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    instance = make(bench, container, "id", user="ghost")
    with pytest.raises(SystemFailure, match="unable to find user ghost"):
        await bench.service.execs.start(instance)


async def test_runs_once(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    instance = make(bench, container, "sleep", "5")
    await bench.service.execs.start(instance)
    with pytest.raises(Conflict, match=f"Exec command {instance.id} is already running"):
        await bench.service.execs.start(instance)
    await bench.clock.advance(6)
    with pytest.raises(Conflict, match=f"Exec command {instance.id} has already run"):
        await bench.service.execs.start(instance)


async def test_needs_a_running_container(bench: Bench) -> None:
    container = await bench.create("sleep", "1000", name="web")
    with pytest.raises(Conflict, match=f"container {container.id} is not running"):
        make(bench, container, "true")
    await bench.service.start(container)
    bench.lifecycle.pause(container)
    with pytest.raises(Conflict, match="Container web is paused, unpause the container before"):
        make(bench, container, "true")


async def test_ends_with_its_container(bench: Bench, clock: ManualClock) -> None:
    container = await bench.run("sleep", "1000")
    instance = make(bench, container, "sleep", "1000")
    await bench.service.execs.start(instance)
    await bench.lifecycle.kill(container)
    await settle()
    assert (instance.running, instance.exit_code) == (False, 137)
    await bench.service.remover.remove(container, container.id)
    # Its client has just seen the end of its output, and asks.
    assert bench.service.execs.get(instance.id).exit_code == 137
    await clock.advance(1)
    with pytest.raises(NotFound, match=f"No such exec instance: {instance.id}"):
        bench.service.execs.get(instance.id)


async def test_old_ones_are_forgotten(bench: Bench, clock: ManualClock) -> None:
    container = await bench.run("sleep", "100000")
    old = make(bench, container, "true")
    await output(bench, old)
    await clock.advance(500)
    make(bench, container, "true")
    assert bench.service.execs.get(old.id) is old
    await clock.advance(200)
    make(bench, container, "true")
    with pytest.raises(NotFound):
        bench.service.execs.get(old.id)
