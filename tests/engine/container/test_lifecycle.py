"""From created to removed, with the real parts of the engine and a clock of our own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from course_lib.engine.container.assembly import StartError
from course_lib.engine.container.config import RestartPolicy
from course_lib.engine.container.container import Container
from course_lib.engine.errdefs import Conflict, EngineError, NotFound, NotModified, SystemFailure
from tests.engine.conftest import ManualClock, settle
from tests.engine.container.conftest import Bench, close_bench, open_bench


def status(container: Container) -> str:
    """The state's one word; as a function so that it is looked at anew each time."""
    return container.state.status


async def test_run_to_the_end(bench: Bench) -> None:
    container = await bench.create("sh", "-c", "echo out; echo err >&2; exit 3")
    assert status(container) == "created"
    await bench.service.start(container)
    assert status(container) == "running"
    assert container.state.pid > 0
    assert await bench.finish(container) == 3
    assert status(container) == "exited"
    assert container.state.pid == 0
    assert bench.log(container) == "out\nerr\n"
    assert bench.actions(container) == ["create", "start", "die"]


async def test_server_listens_when_its_start_is_answered(bench: Bench) -> None:
    container = await bench.create(image="nginx")
    await bench.service.start(container)
    await bench.service.begin_serving(container)
    assert container.runtime is not None
    page = await container.runtime.sandbox.connect("127.0.0.1", 80)
    page.close()


async def test_start_of_a_running_one_changes_nothing(bench: Bench) -> None:
    container = await bench.run("sleep", "1000")
    with pytest.raises(NotModified):
        await bench.service.start(container)


async def test_several_starts_at_once_start_it_once(bench: Bench) -> None:
    container = await bench.create("sleep", "1000")
    starts = (bench.service.start(container) for _ in range(5))
    results = await asyncio.gather(*starts, return_exceptions=True)
    assert all(result is None or isinstance(result, NotModified) for result in results)
    assert bench.actions(container).count("start") == 1


@pytest.mark.parametrize(
    ("command", "exit_code", "text"),
    [
        ("ghost", 127, 'exec: "ghost": executable file not found in $PATH: unknown'),
        ("/ghost", 127, 'exec: "/ghost": stat /ghost: no such file or directory: unknown'),
        ("/etc/passwd", 126, 'exec: "/etc/passwd": permission denied: unknown'),
    ],
)
async def test_program_that_cannot_be_executed(
    bench: Bench, command: str, exit_code: int, text: str
) -> None:
    container = await bench.create(command)
    with pytest.raises(StartError, match="unable to start container process") as caught:
        await bench.service.start(container)
    assert str(caught.value).endswith(text)
    assert status(container) == "created"
    assert container.state.exit_code == exit_code
    assert container.state.error == str(caught.value)
    # Nothing is left behind: the address is free, and it can be tried again.
    assert bench.engine.networks.sandbox(container.id) is None
    with pytest.raises(StartError):
        await bench.service.start(container)


async def test_unknown_user_is_refused(bench: Bench) -> None:
    container = await bench.create("id", user="nobodyx")
    with pytest.raises(SystemFailure, match="unable to find user nobodyx: no matching entries"):
        await bench.service.start(container)


async def test_unknown_network_is_told_at_the_start(bench: Bench) -> None:
    container = await bench.create("sleep", "1", host={"network_mode": "ghost"})
    with pytest.raises(NotFound, match="network ghost not found"):
        await bench.service.start(container)
    assert container.state.exit_code == 128


async def test_stop_waits_for_the_program_then_kills(bench: Bench, clock: ManualClock) -> None:
    container = await bench.run("sleep", "1000")  # PID 1 does not care for SIGTERM
    stop = asyncio.create_task(bench.lifecycle.stop(container, 5))
    await clock.advance(4.9)
    assert container.state.running
    await clock.advance(0.2)
    await stop
    assert container.state.exit_code == 137
    assert bench.actions(container)[-4:] == ["kill", "kill", "die", "stop"]


async def test_stop_of_a_program_that_listens(bench: Bench) -> None:
    container = await bench.run("sh", "-c", 'trap "exit 7" TERM; while :; do sleep 1; done')
    await settle()
    stop = asyncio.create_task(bench.lifecycle.stop(container, 10))
    await bench.clock.advance(2)
    await stop
    assert container.state.exit_code == 7


async def test_stop_signal_of_the_image(bench: Bench) -> None:
    container = await bench.run(image="nginx")
    await settle()
    await bench.lifecycle.stop(container, 10)
    assert container.state.exit_code == 0
    with pytest.raises(NotModified):
        await bench.lifecycle.stop(container)


async def test_kill_of_one_that_does_not_run(bench: Bench) -> None:
    container = await bench.create("sleep", "1")
    with pytest.raises(Conflict, match=f"container {container.id} is not running"):
        await bench.lifecycle.kill(container)


async def test_pause_freezes_and_kill_ends_a_frozen_one(bench: Bench, clock: ManualClock) -> None:
    container = await bench.run("sh", "-c", "while :; do echo tick; sleep 1; done")
    await clock.advance(2.5)
    bench.lifecycle.pause(container)
    assert status(container) == "paused"
    before = bench.log(container)
    await clock.advance(10)
    assert bench.log(container) == before
    with pytest.raises(Conflict, match="already paused"):
        bench.lifecycle.pause(container)
    with pytest.raises(Conflict, match="cannot start a paused container"):
        await bench.service.start(container)
    bench.lifecycle.unpause(container)
    await clock.advance(2)
    assert len(bench.log(container)) > len(before)
    with pytest.raises(EngineError, match="is not paused"):
        bench.lifecycle.unpause(container)
    bench.lifecycle.pause(container)
    await bench.lifecycle.kill(container)
    assert container.state.exit_code == 137


async def test_restart_keeps_files_and_counts_nothing(bench: Bench) -> None:
    container = await bench.run("sh", "-c", "echo x >> /f; sleep 1000")
    await settle()
    await bench.lifecycle.restart(container, 0)
    await settle()
    with bench.service.mounts.files(container) as fs:
        assert fs.read_bytes("/f") == b"x\nx\n"
    assert container.restart.count == 0
    assert bench.actions(container)[-1] == "restart"


async def test_restart_of_one_with_rm_does_not_remove_it(bench: Bench) -> None:
    container = await bench.run("sleep", "1000", host={"auto_remove": True})
    await bench.lifecycle.restart(container, 0)
    assert bench.service.get(container.id) is container
    await bench.lifecycle.kill(container)
    await container.state.wait("removed")
    with pytest.raises(NotFound):
        bench.service.get(container.id)


async def test_rm_flag_removes_it_when_it_ends(bench: Bench) -> None:
    container = await bench.create("sh", "-c", "echo bye", host={"auto_remove": True})
    removed = asyncio.create_task(container.state.wait("removed"))
    await bench.service.start(container)
    assert await removed == (0, "")
    assert not container.folder.exists()
    assert bench.actions(container)[-2:] == ["die", "destroy"]


async def test_rm_flag_removes_it_when_it_cannot_start(bench: Bench) -> None:
    container = await bench.create("ghost", host={"auto_remove": True})
    with pytest.raises(StartError):
        await bench.service.start(container)
    assert container.state.removed


async def test_remove_needs_force_while_it_runs(bench: Bench) -> None:
    container = await bench.run("sleep", "1000", name="web")
    with pytest.raises(Conflict) as caught:
        await bench.service.remover.remove(container, "web")
    assert str(caught.value) == (
        'cannot remove container "/web": container is running: '
        "stop the container before removing or force remove"
    )
    bench.lifecycle.pause(container)
    with pytest.raises(Conflict, match="container is paused and must be unpaused first"):
        await bench.service.remover.remove(container, "web")
    await bench.service.remover.remove(container, "web", force=True)
    assert len(bench.service.registry) == 0


async def test_remove_twice_at_once(bench: Bench) -> None:
    container = await bench.run("sleep", "1000", name="web")
    results = await asyncio.gather(
        *(bench.service.remover.remove(container, "web", force=True) for _ in range(3)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, Conflict)]
    assert len(refused) == 2
    assert str(refused[0]) == "removal of container web is already in progress"


# --- restart policies --------------------------------------------------------------------


async def test_always_is_started_again_with_growing_pauses(
    bench: Bench, clock: ManualClock
) -> None:
    policy = {"restart_policy": RestartPolicy("always")}
    container = await bench.run("sh", "-c", "exit 1", host=policy)
    await settle(60)
    assert status(container) == "restarting"
    counts = []
    for _ in range(5):
        await clock.advance(0.1)
        await settle(60)
        counts.append(container.restart.count)
    assert counts == [2, 2, 3, 3, 3]  # after 0.1, then 0.2, then 0.4 seconds
    await bench.lifecycle.stop(container)
    assert status(container) == "exited"
    await clock.advance(100)
    assert status(container) == "exited"


async def test_on_failure_gives_up(bench: Bench, clock: ManualClock) -> None:
    policy = {"restart_policy": RestartPolicy("on-failure", 2)}
    container = await bench.run("sh", "-c", "exit 5", host=policy)
    for _ in range(10):
        await clock.advance(1)
        await settle(60)
    assert status(container) == "exited"
    assert container.restart.count == 2
    assert container.state.exit_code == 5
    assert bench.actions(container).count("start") == 3


async def test_on_failure_is_content_with_success(bench: Bench) -> None:
    policy = {"restart_policy": RestartPolicy("on-failure")}
    container = await bench.run("true", host=policy)
    assert await bench.finish(container) == 0
    assert container.restart.count == 0


async def test_stopped_by_hand_stays_so(bench: Bench, clock: ManualClock) -> None:
    policy = {"restart_policy": RestartPolicy("unless-stopped")}
    container = await bench.run("sleep", "1000", host=policy)
    await bench.lifecycle.kill(container)
    await clock.advance(100)
    assert status(container) == "exited"
    assert container.stopped_by_hand


async def test_signal_that_is_not_the_last_leaves_the_policy(bench: Bench) -> None:
    policy = {"restart_policy": RestartPolicy("always")}
    container = await bench.run("sleep", "1000", host=policy, stop_signal="SIGQUIT")
    await bench.lifecycle.kill(container, signal.SIGUSR1)
    assert not container.restart.cancelled


# --- names -------------------------------------------------------------------------------


async def test_names_and_prefixes(bench: Bench) -> None:
    container = await bench.create("true", name="/web")
    for reference in ("web", "/web", container.id, container.id[:12], container.id[:3]):
        assert bench.service.get(reference) is container
    with pytest.raises(NotFound, match="No such container: ghost"):
        bench.service.get("ghost")
    with pytest.raises(Conflict) as caught:
        await bench.create("true", name="web")
    assert str(caught.value) == (
        f'Conflict. The container name "/web" is already in use by container "{container.id}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    assert len(bench.service.registry) == 1


async def test_rename_frees_the_old_name(bench: Bench) -> None:
    container = await bench.create("true", name="old")
    await bench.service.rename("old", "new")
    assert bench.service.get("new") is container
    await bench.create("true", name="old")
    with pytest.raises(Conflict, match="Error when allocating new name: Conflict"):
        await bench.service.rename("new", "old")
    assert container.name == "new"


# --- another life ------------------------------------------------------------------------


async def test_what_a_restart_of_the_engine_finds(tmp_path: Path, clock: ManualClock) -> None:
    bench = await open_bench(tmp_path / "state", clock)
    ran = await bench.run("sleep", "1000", name="ran", host={"binds": ["data:/data"]})
    again = await bench.run(
        "sleep", "1000", name="again", host={"restart_policy": RestartPolicy("always")}
    )
    stopped = await bench.run(
        "sleep", "1000", name="stopped", host={"restart_policy": RestartPolicy("unless-stopped")}
    )
    await bench.lifecycle.kill(stopped)
    await bench.create("true", name="created", env=["A=1"], labels={"b": "2"}, entrypoint=[])
    # The process dies without a word: its lock goes, its tasks end.
    await bench.lifecycle.close(list(bench.service.registry), 0.2)
    for container in (ran, again):
        container.state.running = True
        bench.lifecycle.save_state(container)
    await bench.engine.close()

    bench = await open_bench(tmp_path / "state", clock)
    await settle(60)
    found_states = {container.name: status(container) for container in bench.service.registry}
    assert found_states == {
        "ran": "exited",
        "again": "running",
        "stopped": "exited",
        "created": "created",
    }
    found = bench.service.get("ran")
    assert found.state.exit_code == 255
    assert [mount.name for mount in found.mounts] == ["data"]
    assert bench.engine.volumes.users("data") == (found.id,)
    created = bench.service.get("created")
    assert created.config.env is not None
    assert "A=1" in created.config.env
    assert created.config.labels == {"b": "2"}
    assert created.config.entrypoint == []
    await bench.service.start(found)
    assert status(found) == "running"
    await close_bench(bench)


async def test_one_engine_per_state_directory(bench: Bench, clock: ManualClock) -> None:
    with pytest.raises(SystemFailure, match="in use by another embedded engine"):
        await open_bench(bench.engine.root, clock)
