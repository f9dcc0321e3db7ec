"""Exec: exit codes, streams, terminal, environment, user, directory, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.harness import Bench, until
from tests.contract.hijack import hijacked, joined, unframe

ATTACH = {"AttachStdout": True, "AttachStderr": True}


@pytest.fixture(scope="module")
def container(shelf: Bench) -> str:
    """One running alpine for all tests of this module."""
    return shelf.run("host")


def make(bench: Bench, container: str, **config: Any) -> str:
    answer = bench.raw.post(f"/containers/{container}/exec", config)
    assert answer.status == 201, answer.body
    instance: str = answer.json()["Id"]
    return instance


def run(bench: Bench, container: str, **config: Any) -> tuple[int, bytes, bytes]:
    """Exit code and what it wrote to standard output and error."""
    instance = make(bench, container, **ATTACH, **config)
    answer = bench.raw.post(f"/exec/{instance}/start", {"Detach": False})
    frames = list(unframe(answer.body))
    code = bench.raw.get(f"/exec/{instance}/json").json()["ExitCode"]
    return code, joined(frames, 1), joined(frames, 2)


def test_exec_streams_and_exit_code(bench: Bench, container: str) -> None:
    command = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    assert run(bench, container, Cmd=command) == (3, b"out\n", b"err\n")


def test_exec_inspect(bench: Bench, container: str) -> None:
    instance = make(bench, container, Cmd=["sh", "-c", "exit 2"], **ATTACH)
    before = bench.raw.get(f"/exec/{instance}/json").json()
    assert (before["Running"], before["ExitCode"], before["Pid"]) == (False, None, 0)
    bench.raw.post(f"/exec/{instance}/start", {})
    after = bench.raw.get(f"/exec/{instance}/json").json()
    assert (after["Running"], after["ExitCode"]) == (False, 2)
    assert after["Pid"] > 0
    assert after["ID"] == instance
    assert after["ContainerID"] == container
    assert after["ProcessConfig"] == {
        "tty": False,
        "entrypoint": "sh",
        "arguments": ["-c", "exit 2"],
        "privileged": False,
    }
    assert (after["OpenStdin"], after["OpenStdout"], after["OpenStderr"]) == (False, True, True)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"Cmd": ["no-such-program"]},
            'exec: "no-such-program": executable file not found in $PATH: unknown',
        ),
        ({"Cmd": ["/etc/passwd"]}, 'exec: "/etc/passwd": permission denied: unknown'),
        (
            {"Cmd": ["pwd"], "WorkingDir": "/no/such"},
            'chdir to cwd ("/no/such") set in config.json failed: no such file or directory: '
            "unknown",
        ),
        ({"Cmd": ["pwd"], "WorkingDir": "rel"}, "Cwd must be an absolute path: unknown"),
        (
            {"Cmd": ["id"], "User": "ghost"},
            "unable to find user ghost: no matching entries in passwd file",
        ),
    ],
)
def test_exec_that_cannot_start(
    bench: Bench, container: str, config: dict[str, Any], text: str
) -> None:
    """The stream is open by then: the reason comes there, and the code is 126."""
    code, out, _ = run(bench, container, **config)
    assert code == 126
    assert out.decode() == (
        f"OCI runtime exec failed: exec failed: {text}\r\n"
        if "Cwd must" in text
        else f"{text}\r\n"
        if "find user" in text
        else f"OCI runtime exec failed: exec failed: unable to start container process: {text}\r\n"
    )


def test_exec_detached_that_cannot_start(bench: Bench, container: str) -> None:
    instance = make(bench, container, Cmd=["no-such-program"])
    answer = bench.raw.post(f"/exec/{instance}/start", {"Detach": True})
    assert answer.status == 400
    assert 'exec: "no-such-program": executable file not found in $PATH' in answer.message


def test_exec_environment(bench: Bench, container: str) -> None:
    _, out, _ = run(bench, container, Cmd=["env"], Env=["A=1", "PATH=/usr/bin:/bin"])
    lines = out.decode().splitlines()
    assert {"A=1", "PATH=/usr/bin:/bin", "HOME=/root", f"HOSTNAME={container[:12]}"} <= set(lines)
    assert "TERM=xterm" not in lines


def test_exec_inherits_the_container_environment(bench: Bench) -> None:
    own = bench.run(Env=["FROM=container"], WorkingDir="/srv", User="nobody")
    assert run(bench, own, Cmd=["sh", "-c", "echo $FROM; pwd; id -un"]) == (
        0,
        b"container\n/srv\nnobody\n",
        b"",
    )


def test_exec_directory_and_user(bench: Bench, container: str) -> None:
    assert run(bench, container, Cmd=["pwd"], WorkingDir="/etc")[1] == b"/etc\n"
    assert run(bench, container, Cmd=["id", "-un"], User="nobody")[1] == b"nobody\n"
    assert run(bench, container, Cmd=["sh", "-c", "id -u; id -g"], User="5:6")[1] == b"5\n6\n"


def test_exec_standard_input(bench: Bench, container: str) -> None:
    instance = make(bench, container, Cmd=["wc", "-c"], AttachStdin=True, **ATTACH)
    with hijacked(bench.engine.socket, f"/exec/{instance}/start", {}) as stream:
        assert stream.status == 101
        kind = "application/vnd.docker.multiplexed-stream"
        assert stream.headers["content-type"] == kind
        stream.send(b"12345")
        stream.half_close()
        assert joined(stream.frames(), 1) == b"5\n"
    assert bench.raw.get(f"/exec/{instance}/json").json()["ExitCode"] == 0


def test_exec_without_upgrade(bench: Bench, container: str) -> None:
    instance = make(bench, container, Cmd=["echo", "x"], **ATTACH)
    answer = bench.raw.post(f"/exec/{instance}/start", {})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/vnd.docker.raw-stream"
    assert answer.body == b"\x01\0\0\0\0\0\0\x02x\n"


def test_exec_terminal(bench: Bench, container: str) -> None:
    config = {"Cmd": ["sh"], "Tty": True, "AttachStdin": True, **ATTACH}
    instance = make(bench, container, **config)
    body = {"Tty": True, "ConsoleSize": [33, 99]}
    with hijacked(bench.engine.socket, f"/exec/{instance}/start", body) as stream:
        stream.read_until(b"# ")
        stream.send(b"stty size; tty; echo $TERM\n")
        shown = stream.read_until(b"xterm\r\n")
        assert b"33 99\r\n/dev/pts/" in shown
        params = {"h": "10", "w": "20"}
        assert bench.raw.post(f"/exec/{instance}/resize", params=params).status == 200
        stream.send(b"stty size\n")
        stream.read_until(b"10 20\r\n")
        stream.send(b"exit 4\n")
        stream.read_all()
    assert bench.raw.get(f"/exec/{instance}/json").json()["ExitCode"] == 4


def test_exec_detached(bench: Bench, container: str) -> None:
    name = bench.name("file")
    instance = make(bench, container, Cmd=["sh", "-c", f"echo done > /{name}"])
    answer = bench.raw.post(f"/exec/{instance}/start", {"Detach": True})
    assert (answer.status, answer.body) == (200, b"")
    until(lambda: bench.sh(container, f"cat /{name}").out == "done\n")


def test_exec_listed_while_it_runs(bench: Bench) -> None:
    own = bench.run()
    instance = make(bench, own, Cmd=["sleep", "100"])
    bench.raw.post(f"/exec/{instance}/start", {"Detach": True})
    assert bench.inspect(own)["ExecIDs"] == [instance]
    assert bench.raw.get(f"/exec/{instance}/json").json()["Running"] is True
    answer = bench.raw.post(f"/exec/{instance}/start", {"Detach": True})
    assert answer.status == 409
    assert answer.message == f"Error: Exec command {instance} is already running"


def test_exec_ends_with_its_container(bench: Bench) -> None:
    own = bench.run()
    instance = make(bench, own, Cmd=["sh", "-c", "echo on; exec sleep 100"], **ATTACH)
    with hijacked(bench.engine.socket, f"/exec/{instance}/start", {}) as stream:
        stream.read_until(b"on\n")
        bench.raw.post(f"/containers/{own}/kill")
        assert stream.read_all() == b""
    answer = bench.raw.get(f"/exec/{instance}/json")
    assert answer.status in (404, 409) or answer.json()["ExitCode"] == 137


def test_exec_second_start(bench: Bench, container: str) -> None:
    instance = make(bench, container, Cmd=["true"], **ATTACH)
    bench.raw.post(f"/exec/{instance}/start", {})
    answer = bench.raw.post(f"/exec/{instance}/start", {})
    assert f"Error: Exec command {instance} has already run" in answer.body.decode()


@pytest.mark.parametrize("body", [{"Cmd": []}, {}])
def test_exec_without_command(bench: Bench, container: str, body: dict[str, Any]) -> None:
    answer = bench.raw.post(f"/containers/{container}/exec", body)
    assert (answer.status, answer.message) == (400, "No exec command specified")


def test_exec_sees_the_same_processes_and_files(bench: Bench, container: str) -> None:
    assert "sleep 1000" in bench.sh(container, "ps").out
    bench.sh(container, "echo seen > /tmp/exec-file")
    assert bench.exec(container, ["cat", "/tmp/exec-file"]).out == "seen\n"


def test_exec_killed_by_signal(bench: Bench, container: str) -> None:
    assert run(bench, container, Cmd=["sh", "-c", "kill -9 $$"])[0] == 137
