"""Start, stop, restart, kill, pause, rename, wait, remove: states, codes and refusals."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.contract.harness import Bench, until
from tests.contract.rawhttp import Response

TRAP = "trap 'exit 5' TERM; trap 'exit 6' USR1; echo ready; while :; do sleep 0.05; done"


def catching(bench: Bench, **config: Any) -> str:
    """A container that catches signals, once it does: before, the first process ignores them."""
    container = bench.run(command=["sh", "-c", TRAP], **config)
    until(lambda: "ready" in bench.logs(container))
    return container


def test_start_twice_changes_nothing(bench: Bench) -> None:
    container = bench.run()
    started = bench.state(container)["StartedAt"]
    assert bench.raw.post(f"/containers/{container}/start").status == 304
    assert bench.state(container)["StartedAt"] == started


def test_exit_code_is_kept(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "exit 3"])
    assert bench.finish(container) == 3
    state = bench.state(container)
    assert (state["Status"], state["ExitCode"], state["Pid"]) == ("exited", 3, 0)
    assert not state["FinishedAt"].startswith("0001")


def test_started_again_after_exit(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "echo x >> /count; wc -l < /count"])
    bench.finish(container)
    bench.start(container)
    bench.finish(container)
    assert bench.logs(container) == "1\n2\n"


def test_command_not_found(bench: Bench) -> None:
    container = bench.create(command=["no-such-program"])
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 400
    assert answer.message.endswith(
        'exec: "no-such-program": executable file not found in $PATH: unknown'
    )
    state = bench.state(container)
    assert (state["Status"], state["ExitCode"]) == ("created", 127)
    assert "executable file not found" in state["Error"]


def test_command_by_a_path_that_is_not_there(bench: Bench) -> None:
    container = bench.create(command=["/no/such"])
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 400
    assert answer.message.endswith(
        'exec: "/no/such": stat /no/such: no such file or directory: unknown'
    )
    assert bench.state(container)["ExitCode"] == 127


def test_command_not_executable(bench: Bench) -> None:
    container = bench.create(command=["/etc/passwd"])
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 400
    assert answer.message.endswith('exec: "/etc/passwd": permission denied: unknown')
    assert bench.state(container)["ExitCode"] == 126


def test_stop_sends_the_stop_signal(bench: Bench) -> None:
    container = catching(bench)
    assert bench.raw.post(f"/containers/{container}/stop", params={"t": "10"}).status == 204
    assert bench.state(container)["ExitCode"] == 5


def test_stop_signal_of_the_container(bench: Bench) -> None:
    container = catching(bench, StopSignal="SIGUSR1")
    assert bench.raw.post(f"/containers/{container}/stop").status == 204
    assert bench.state(container)["ExitCode"] == 6


def test_stop_signal_of_the_request(bench: Bench) -> None:
    container = catching(bench)
    params = {"signal": "SIGUSR1"}
    assert bench.raw.post(f"/containers/{container}/stop", params=params).status == 204
    assert bench.state(container)["ExitCode"] == 6


def test_stop_of_nginx_is_graceful(bench: Bench) -> None:
    container = bench.run(image="nginx")
    until(lambda: bench.sh(container, "curl -sf http://127.0.0.1/").code == 0)
    assert bench.raw.post(f"/containers/{container}/stop", params={"t": "10"}).status == 204
    assert bench.state(container)["ExitCode"] == 0


def test_stop_kills_after_the_timeout(bench: Bench) -> None:
    """The first process of a container is not ended by a signal it does not handle."""
    container = bench.run()
    assert bench.raw.post(f"/containers/{container}/stop", params={"t": "1"}).status == 204
    assert bench.state(container)["ExitCode"] == 137


def test_stop_with_an_init_ends_at_once(bench: Bench) -> None:
    container = bench.run(host={"Init": True})
    assert bench.raw.post(f"/containers/{container}/stop", params={"t": "10"}).status == 204
    assert bench.state(container)["ExitCode"] == 143


def test_stop_of_a_stopped_container(bench: Bench) -> None:
    assert bench.raw.post(f"/containers/{bench.create()}/stop").status == 304


def test_kill_is_sigkill(bench: Bench) -> None:
    container = bench.run()
    assert bench.raw.post(f"/containers/{container}/kill").status == 204
    assert bench.finish(container) == 137


@pytest.mark.parametrize("name", ["SIGUSR1", "USR1", "10", "usr1"])
def test_kill_with_a_signal(bench: Bench, name: str) -> None:
    container = catching(bench)
    params = {"signal": name}
    assert bench.raw.post(f"/containers/{container}/kill", params=params).status == 204
    assert bench.finish(container) == 6


def test_kill_with_a_signal_that_is_ignored(bench: Bench) -> None:
    container = bench.run()
    params = {"signal": "TERM"}
    assert bench.raw.post(f"/containers/{container}/kill", params=params).status == 204
    assert bench.state(container)["Running"] is True


@pytest.mark.parametrize(
    ("signal", "reason"),
    [("FOO", "invalid signal: FOO"), ("99", "the linux daemon does not support signal 99")],
)
def test_kill_with_no_signal(shelf: Bench, signal: str, reason: str) -> None:
    container = _idle(shelf)
    answer = shelf.raw.post(f"/containers/{container}/kill", params={"signal": signal})
    assert answer.status == 400
    assert answer.message == f"cannot kill container: {container}: {reason}"


def test_kill_of_a_stopped_container(bench: Bench) -> None:
    container = bench.create("dead")
    answer = bench.raw.post(f"/containers/{bench.name('dead')}/kill")
    assert answer.status == 409
    assert answer.message == (
        f"cannot kill container: {bench.name('dead')}: container {container} is not running"
    )


def test_restart_starts_a_stopped_container(bench: Bench) -> None:
    container = bench.create()
    assert bench.raw.post(f"/containers/{container}/restart").status == 204
    assert bench.state(container)["Running"] is True


def test_restart_is_a_new_run(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "echo run; exec sleep 1000"])
    before = bench.state(container)
    assert bench.raw.post(f"/containers/{container}/restart", params={"t": "0"}).status == 204
    after = bench.state(container)
    assert after["StartedAt"] > before["StartedAt"]
    assert after["Running"]
    until(lambda: bench.logs(container) == "run\nrun\n")


def test_files_survive_a_restart(bench: Bench) -> None:
    container = bench.run()
    bench.sh(container, "echo kept > /file")
    bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    assert bench.sh(container, "cat /file").out == "kept\n"


def test_pause_freezes(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "while :; do echo tick; sleep 0.05; done"])
    until(lambda: bench.logs(container))
    assert bench.raw.post(f"/containers/{container}/pause").status == 204
    state = bench.state(container)
    assert (state["Status"], state["Paused"], state["Running"]) == ("paused", True, True)
    assert bench.listed(container)["State"] == "paused"
    assert bench.listed(container)["Status"].endswith("(Paused)")
    frozen = bench.logs(container)
    assert bench.raw.post(f"/containers/{container}/unpause").status == 204
    assert bench.state(container)["Status"] == "running"
    until(lambda: len(bench.logs(container)) > len(frozen))


def test_pause_refusals(bench: Bench) -> None:
    container = bench.run()
    answer = bench.raw.post(f"/containers/{container}/unpause")
    assert (answer.status, answer.message) == (500, f"Container {container} is not paused")
    bench.raw.post(f"/containers/{container}/pause")
    answer = bench.raw.post(f"/containers/{container}/pause")
    assert (answer.status, answer.message) == (409, f"Container {container} is already paused")
    answer = bench.raw.post(f"/containers/{container}/start")
    assert answer.status == 409
    assert answer.message == "cannot start a paused container, try unpause instead"


def test_paused_container_takes_no_exec(bench: Bench) -> None:
    container = bench.run("frozen")
    bench.raw.post(f"/containers/{container}/pause")
    answer = bench.raw.post(f"/containers/{bench.name('frozen')}/exec", {"Cmd": ["ls"]})
    assert answer.status == 409
    assert answer.message == (
        f"Container {bench.name('frozen')} is paused, unpause the container before exec"
    )


@pytest.mark.parametrize("call", ["pause", "top", "resize?h=1&w=1"])
def test_not_running(bench: Bench, call: str) -> None:
    container = bench.create()
    path, _, query = call.partition("?")
    params = dict(pair.split("=") for pair in query.split("&")) if query else None
    method = "GET" if path == "top" else "POST"
    answer = bench.raw.request(method, f"/containers/{container}/{path}", params=params)
    assert (answer.status, answer.message) == (409, f"container {container} is not running")


def test_exec_needs_a_running_container(bench: Bench) -> None:
    container = bench.create()
    answer = bench.raw.post(f"/containers/{container}/exec", {"Cmd": ["ls"]})
    assert answer.status == 409
    assert answer.message in (
        f"Container {container} is not running",
        f"container {container} is not running",
    )


def test_rename(bench: Bench) -> None:
    container = bench.run("old")
    params = {"name": bench.name("new")}
    assert bench.raw.post(f"/containers/{container}/rename", params=params).status == 204
    assert bench.inspect(bench.name("new"))["Id"] == container
    assert bench.raw.get(f"/containers/{bench.name('old')}/json").status == 404
    assert bench.create("old")  # free again


def test_rename_refusals(bench: Bench) -> None:
    container, other = bench.create("one"), bench.create("two")

    def rename(**params: str) -> Response:
        return bench.raw.post(f"/containers/{container}/rename", params=params)

    answer = rename()
    assert (answer.status, answer.message) == (400, "Neither old nor new names may be empty")
    answer = rename(name=bench.name("one"))
    assert answer.status == 400
    assert answer.message == "Renaming a container with the same name as its current name"
    answer = rename(name=bench.name("two"))
    assert answer.status == 409
    assert answer.message == (
        "Error when allocating new name: Conflict. The container name "
        f'"/{bench.name("two")}" is already in use by container "{other}". '
        "You have to remove (or rename) that container to be able to reuse that name."
    )
    answer = rename(name="a b")
    assert answer.status == 400
    assert "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" in answer.message


def test_wait_returns_at_once_for_a_stopped_container(bench: Bench) -> None:
    container = bench.create()
    answer = bench.raw.post(f"/containers/{container}/wait", timeout=10)
    assert answer.json() == {"StatusCode": 0}


def test_wait_next_exit_waits_for_one(bench: Bench) -> None:
    container = bench.create(command=["sh", "-c", "exit 7"])
    answers: list[Response] = []
    params = {"condition": "next-exit"}
    waiter = threading.Thread(
        target=lambda: answers.append(
            bench.raw.post(f"/containers/{container}/wait", params=params)
        )
    )
    waiter.start()
    until(lambda: bench.raw.post(f"/containers/{container}/start").status in (204, 304))
    waiter.join(0.7)
    while waiter.is_alive():  # the wait may have begun after the first run
        bench.raw.post(f"/containers/{container}/start")
        waiter.join(0.7)
    assert answers[0].json()["StatusCode"] == 7


def test_wait_removed(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "sleep 0.3; exit 4"], host={"AutoRemove": True})
    params = {"condition": "removed"}
    answer = bench.raw.post(f"/containers/{container}/wait", params=params)
    assert answer.json()["StatusCode"] == 4
    assert bench.raw.get(f"/containers/{container}/json").status == 404


def test_wait_refuses_another_condition(bench: Bench) -> None:
    params = {"condition": "bogus"}
    answer = bench.raw.post(f"/containers/{bench.create()}/wait", params=params)
    assert (answer.status, answer.message) == (400, 'invalid condition: "bogus"')


def test_remove(bench: Bench) -> None:
    container = bench.create()
    answer = bench.raw.delete(f"/containers/{container}")
    assert (answer.status, answer.body) == (204, b"")
    assert bench.raw.get(f"/containers/{container}/json").status == 404


def test_remove_running_needs_force(bench: Bench) -> None:
    container = bench.run("busy")
    answer = bench.raw.delete(f"/containers/{container}")
    assert answer.status == 409
    assert answer.message == (
        f'cannot remove container "/{bench.name("busy")}": container is running: '
        "stop the container before removing or force remove"
    )
    assert bench.raw.delete(f"/containers/{container}", params={"force": "1"}).status == 204


def test_remove_paused_needs_force(bench: Bench) -> None:
    container = bench.run("cold")
    bench.raw.post(f"/containers/{container}/pause")
    answer = bench.raw.delete(f"/containers/{container}")
    assert answer.status == 409
    assert "container is paused and must be unpaused first" in answer.message
    assert bench.raw.delete(f"/containers/{container}", params={"force": "1"}).status == 204


def test_auto_remove(bench: Bench) -> None:
    container = bench.run(command=["true"], host={"AutoRemove": True})
    until(lambda: bench.raw.get(f"/containers/{container}/json").status == 404)


def test_restart_policy_counts(bench: Bench) -> None:
    policy = {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 2}}
    container = bench.run(command=["sh", "-c", "exit 1"], host=policy)
    until(lambda: bench.inspect(container)["RestartCount"] == 2)
    until(lambda: bench.state(container)["Status"] == "exited")
    assert bench.state(container)["ExitCode"] == 1


def test_restart_policy_leaves_a_stopped_container(bench: Bench) -> None:
    policy = {"RestartPolicy": {"Name": "always"}}
    container = bench.run(host=policy)
    bench.raw.post(f"/containers/{container}/stop", params={"t": "0"})
    assert bench.state(container)["Status"] == "exited"


def test_killed_by_its_own_signal(bench: Bench) -> None:
    """A child that dies of a signal gives 128 plus its number, as a shell says it."""
    assert bench.finish(bench.run(command=["sh", "-c", "sh -c 'kill -9 $$'; exit $?"])) == 137


def _idle(shelf: Bench) -> str:
    return shelf._containers[0] if shelf._containers else shelf.run()
