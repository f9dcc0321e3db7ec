from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from course_lib.embedded import IDLE, EmbeddedEngine
from course_lib.errors import EngineUnavailable, SocketInUse, SocketPathTooLong, StateUnusable
from tests.contract.harness import until
from tests.course_lib.servers import ENGINE, answering, http


@pytest.fixture
def engine(home: Path) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine.at(home / "e.sock", home / "state")
    yield engine
    engine.stop()


def test_start_is_idempotent_and_stop_too(engine: EmbeddedEngine) -> None:
    first = engine.start()
    assert first.running
    assert first.docker_host == f"unix://{engine.socket}"
    assert engine.start().pid == first.pid
    assert engine.stop()
    assert not engine.stop()
    assert not engine.status().running


def test_engine_that_nobody_uses_ends_where_that_was_asked_for(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(IDLE, "1")
    first = engine.start()
    assert first.pid is not None
    # (To ask it would be to use it.)
    until(lambda: not Path(f"/proc/{first.pid}").exists() or not engine.socket.exists())
    assert engine.start().pid != first.pid


def test_socket_is_for_its_owner_alone(engine: EmbeddedEngine) -> None:
    engine.start()
    assert engine.socket.stat().st_mode & 0o777 == 0o600


def test_two_programs_that_start_at_once_get_one_engine(engine: EmbeddedEngine) -> None:
    found: list[int | None] = []
    threads = [threading.Thread(target=lambda: found.append(engine.start().pid)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == 1


def test_several_engines_run_side_by_side(home: Path, engine: EmbeddedEngine) -> None:
    other = EmbeddedEngine.at(home / "other.sock")
    try:
        assert engine.start().pid != other.start().pid
        assert other.state not in (engine.state, EmbeddedEngine.at().state)
    finally:
        other.stop()
    assert engine.status().running


def test_a_running_engine_is_found_by_its_state_wherever_it_listens(
    engine: EmbeddedEngine,
) -> None:
    engine.start()
    found = EmbeddedEngine.at(state=engine.state)
    assert found.socket == engine.socket
    assert found.start().pid == engine.pid()
    engine.stop()
    assert EmbeddedEngine.at(state=engine.state).socket != engine.socket


def test_the_engine_outlives_the_program_that_started_it(engine: EmbeddedEngine) -> None:
    code = (
        "import sys, pathlib; from course_lib.embedded import IDLE, EmbeddedEngine;"
        "EmbeddedEngine.at(*map(pathlib.Path, sys.argv[1:])).start()"
    )
    words = [sys.executable, "-c", code, str(engine.socket), str(engine.state)]
    subprocess.run(words, check=True, timeout=60, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert engine.status().running


def test_the_engine_for_a_while_ends_with_its_context(engine: EmbeddedEngine) -> None:
    with engine.for_a_while():
        assert engine.status().running
        with pytest.raises(SocketInUse), engine.for_a_while():
            pass
    assert not engine.status().running
    assert EmbeddedEngine.recorded(engine.docker_host) is None


def test_the_engine_for_a_while_ends_with_a_program_that_is_killed(engine: EmbeddedEngine) -> None:
    code = (
        "import sys, pathlib; from course_lib.embedded import EmbeddedEngine;"
        "made = EmbeddedEngine.at(*map(pathlib.Path, sys.argv[1:])); engine = made.for_a_while();"
        "engine.__enter__(); print(made.pid(), flush=True); sys.stdin.read()"
    )
    words = [sys.executable, "-c", code, str(engine.socket), str(engine.state)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout
        assert int(program.stdout.readline()) == engine.pid()
        program.kill()
    until(lambda: not engine.status().running)


def test_an_engine_for_a_while_that_does_not_start_says_why(home: Path) -> None:
    engine = EmbeddedEngine.at(home / "s", home)
    with pytest.raises(EngineUnavailable, match="did not start"), engine.for_a_while():
        pass


def test_a_killed_engine_is_started_again_with_its_state(engine: EmbeddedEngine) -> None:
    status = engine.start()
    client = docker.DockerClient(base_url=status.docker_host)
    client.networks.create("kept")
    client.close()
    assert status.pid
    os.kill(status.pid, signal.SIGKILL)
    os.waitpid(status.pid, 0)
    found = EmbeddedEngine.recorded(status.docker_host)
    assert found == engine
    again = docker.DockerClient(base_url=found.start().docker_host)
    assert [network.name for network in again.networks.list(names=["kept"])] == ["kept"]
    again.close()


def test_reset_empties_a_running_engine_and_starts_it_again(engine: EmbeddedEngine) -> None:
    client = docker.DockerClient(base_url=engine.start().docker_host)
    client.volumes.create("gone")
    client.close()
    assert engine.reset()
    client = docker.DockerClient(base_url=engine.docker_host)
    assert client.volumes.list() == []
    client.close()


def test_reset_leaves_a_stopped_engine_stopped(engine: EmbeddedEngine) -> None:
    assert not engine.reset()
    engine.start()
    engine.stop()
    assert engine.reset()
    assert not engine.status().running
    assert list(engine.state.iterdir()) == []


def test_reset_deletes_nothing_that_is_no_engine_state(home: Path) -> None:
    precious = home / "thesis"
    precious.mkdir()
    (precious / "chapter-1.tex").write_text("words")
    with pytest.raises(StateUnusable, match="holds no engine's state; nothing was deleted"):
        EmbeddedEngine.at(home / "s", precious).reset()
    assert (precious / "chapter-1.tex").read_text() == "words"


def test_reset_removes_folders_that_a_container_closed(engine: EmbeddedEngine) -> None:
    engine.start()
    engine.stop()
    closed = engine.state / "volumes" / "v" / "_data" / "closed"
    closed.mkdir(parents=True)
    (closed / "file").write_text("x")
    closed.chmod(0)
    assert engine.reset()
    assert list(engine.state.iterdir()) == []


def test_a_foreign_server_on_the_socket_is_left_alone(home: Path) -> None:
    engine = EmbeddedEngine.at(home / "s", home / "state")
    with answering(b"220 mail\r\n", home / "s"):
        with pytest.raises(SocketInUse, match="in use by something else"):
            engine.start()
        assert not engine.stop()
    assert not (home / "state").exists()


def test_another_docker_engine_on_the_socket_is_left_alone(home: Path) -> None:
    with (
        answering(http(ENGINE), home / "s"),
        pytest.raises(SocketInUse, match="another Docker engine"),
    ):
        EmbeddedEngine.at(home / "s", home / "state").start()


def test_a_file_in_the_place_of_the_socket_is_left_alone(home: Path) -> None:
    (home / "s").write_text("mine")
    with pytest.raises(SocketInUse, match="it is no socket"):
        EmbeddedEngine.at(home / "s", home / "state").start()
    assert (home / "s").read_text() == "mine"


def test_a_stale_socket_is_replaced(home: Path, engine: EmbeddedEngine) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(engine.socket))
    assert engine.start().running


def test_another_state_for_a_running_engine_is_refused(home: Path, engine: EmbeddedEngine) -> None:
    engine.start()
    with pytest.raises(SocketInUse, match="keeps its state in"):
        EmbeddedEngine.at(engine.socket, home / "elsewhere").start()
    assert EmbeddedEngine.at(engine.socket).state == engine.state


def test_a_long_socket_path_is_refused_at_once(home: Path) -> None:
    with pytest.raises(SocketPathTooLong):
        EmbeddedEngine.at(home / ("x" * 200), home / "state")


def test_a_state_directory_of_something_else_is_refused_in_the_engines_words(home: Path) -> None:
    state = home / "state"
    state.mkdir()
    (state / "thesis.tex").write_text("words")
    with pytest.raises(EngineUnavailable, match=r"did not start: .*state"):
        EmbeddedEngine.at(home / "s", state).start()
    assert (state / "thesis.tex").read_text() == "words"
    assert not (state / "format.json").exists()


def test_a_newer_state_directory_is_refused(home: Path) -> None:
    state = home / "state"
    state.mkdir()
    (state / "format.json").write_text('{"format": 999}')
    with pytest.raises(EngineUnavailable, match="999"):
        EmbeddedEngine.at(home / "s", state).start()
    assert (state / "format.json").read_text() == '{"format": 999}'


def test_foreground_ends_in_order_on_a_signal(engine: EmbeddedEngine) -> None:
    words = [sys.executable, "-m", "course_lib.cli", "engine", "start", "--foreground"]
    words += ["--socket", str(engine.socket), "--state", str(engine.state)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().strip() == engine.docker_host
    assert engine.status().running
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()
    assert not engine.status().running
