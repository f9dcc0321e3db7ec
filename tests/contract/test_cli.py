"""The ``docker`` command itself: what it prints, how it exits."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.contract.harness import Bench, free_port, until, words

pytestmark = pytest.mark.usefixtures("docker_command")


def test_version_and_info(bench: Bench) -> None:
    result = bench.cli("version", "--format", "{{.Server.APIVersion}} {{.Server.Os}}")
    assert re.fullmatch(r"1\.\d+ linux\n", result.out)
    assert bench.cli("info", "--format", "{{.OSType}}").out == "linux\n"
    assert "Server Version:" in bench.cli("info").out


def test_run_detached_prints_the_id(bench: Bench) -> None:
    result = bench.cli("run", "-d", "--name", bench.name("web"), "-P", "nginx")
    bench.adopt(bench.name("web"))
    assert re.fullmatch(r"[0-9a-f]{64}\n", result.out)
    assert result.code == 0
    port = bench.cli("port", bench.name("web"), "80")
    number = int(port.out.splitlines()[0].rpartition(":")[2])
    assert "Welcome to nginx!" in bench.fetch(number)
    assert port.out.splitlines()[0] == f"0.0.0.0:{number}"
    shown = bench.cli("ps", "--filter", f"name={bench.name('web')}", "--format", "{{.Ports}}")
    assert f"0.0.0.0:{number}->80/tcp" in shown.out


def test_run_in_the_foreground(bench: Bench) -> None:
    result = bench.cli("run", "--rm", "alpine", "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (result.code, result.out, result.err) == (3, "out\n", "err\n")


def test_run_with_input(bench: Bench) -> None:
    result = bench.cli("run", "--rm", "-i", "alpine", "wc", "-l", stdin="a\nb\nc\n")
    assert (result.code, result.out.strip()) == (0, "3")


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (["no-such-program"], 127, "executable file not found in $PATH"),
        (["/etc/passwd"], 126, "permission denied"),
    ],
)
def test_run_what_cannot_run(bench: Bench, command: list[str], code: int, text: str) -> None:
    result = bench.cli("run", "--rm", "alpine", *command)
    assert result.code == code
    assert "docker: Error response from daemon: failed to create task" in result.err
    assert text in result.err


def test_run_name_taken(bench: Bench) -> None:
    bench.run("taken")
    result = bench.cli("run", "--name", bench.name("taken"), "alpine")
    assert result.code == 125
    assert "Conflict. The container name" in result.err


def test_run_port_taken(bench: Bench) -> None:
    port = free_port()
    for word in ("one", "two"):
        bench.adopt(bench.name(word))
    options = ("run", "-d", "-p", f"{port}:80")
    assert bench.cli(*options, "--name", bench.name("one"), "nginx").code == 0
    result = bench.cli(*options, "--name", bench.name("two"), "nginx")
    assert result.code == 125
    assert f"Bind for 0.0.0.0:{port} failed: port is already allocated" in result.err


def test_run_several_ports(bench: Bench) -> None:
    one, two = free_port(), free_port()
    bench.adopt(bench.name("site"))
    options = ("-p", f"{one}:80", "-p", f"{two}:80")
    assert bench.cli("run", "-d", *options, "--name", bench.name("site"), "nginx").code == 0
    assert "Welcome to nginx!" in bench.fetch(one)
    assert "Welcome to nginx!" in bench.fetch(two)


def test_run_on_a_network_with_alias(bench: Bench) -> None:
    name = bench.network()
    bench.adopt(bench.name("es"))
    options = ("--net", name, "--net-alias", "search", "--name", bench.name("es"))
    assert bench.cli("run", "-d", *options, "nginx").code == 0
    result = bench.cli("run", "--rm", "--net", name, "alpine", "ping", "-c1", "search")
    assert result.code == 0
    assert "1 packets received" in result.out


def test_run_with_a_fixed_address(bench: Bench) -> None:
    number = int(bench.prefix[2:], 16)
    base = f"10.{200 + number % 50}.{number // 50 % 256}"
    made = bench.cli("network", "create", "--subnet", f"{base}.0/24", bench.name("net"))
    bench.adopt_network(bench.name("net"))
    assert re.fullmatch(r"[0-9a-f]{64}\n", made.out)
    options = ("--net", bench.name("net"), "--ip", f"{base}.66")
    result = bench.cli("run", "--rm", *options, "alpine", "hostname", "-i")
    assert result.out.split() == [f"{base}.66"]


def test_ps_columns(bench: Bench) -> None:
    container = bench.run("c")
    result = bench.cli("ps", "--filter", f"id={container}")
    header, row = result.out.splitlines()
    assert header.split() == words("CONTAINER ID IMAGE COMMAND CREATED STATUS PORTS NAMES")
    assert row.startswith(container[:12])
    assert row.endswith(bench.name("c"))
    assert '"sleep 1000"' in row
    assert bench.cli("ps", "-q", "--filter", f"id={container}").out == f"{container[:12]}\n"


def test_images_and_history(bench: Bench) -> None:
    result = bench.cli("images", "--format", "{{.Repository}}:{{.Tag}}", "nginx")
    assert result.out == "nginx:latest\n"
    result = bench.cli("history", "--no-trunc", "--format", "{{.CreatedBy}}", "nginx")
    assert "EXPOSE" in result.out


def test_inspect_format(bench: Bench) -> None:
    result = bench.cli("inspect", "--format", "{{.Config.ExposedPorts}}", "nginx")
    assert result.out == "map[80/tcp:{}]\n"
    container = bench.run("c")
    result = bench.cli("inspect", "--format", "{{.NetworkSettings.IPAddress}}", bench.name("c"))
    assert result.out.strip() == bench.address(container, "bridge")


def test_inspect_nothing(bench: Bench) -> None:
    result = bench.cli("inspect", "no-such-thing")
    assert result.code == 1
    assert "No such object: no-such-thing" in result.err


def test_pull_of_what_is_there_or_not(bench: Bench) -> None:
    result = bench.cli("pull", "no-such-image")
    assert result.code == 1
    assert result.err.startswith("Error response from daemon: ")


def test_logs(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "echo out; echo err >&2"])
    bench.finish(container)
    result = bench.cli("logs", container)
    assert (result.out, result.err) == ("out\n", "err\n")
    assert bench.cli("logs", "--tail", "0", container).out == ""


def test_logs_follow(bench: Bench) -> None:
    container = bench.run(command=["sh", "-c", "echo a; sleep 0.3; echo b"])
    assert bench.cli("logs", "-f", container).out == "a\nb\n"


def test_stop_start_restart_kill_wait_rm(bench: Bench) -> None:
    name = bench.name("c")
    container = bench.run("c")
    for call in ("stop -t 0", "start", "restart -t 0", "pause", "unpause"):
        assert bench.cli(*words(call), name).out == f"{name}\n"
    assert bench.cli("kill", name).out == f"{name}\n"
    assert bench.cli("wait", name).out == "137\n"
    assert bench.cli("rename", name, bench.name("d")).code == 0
    assert bench.cli("rm", bench.name("d")).out == f"{bench.name('d')}\n"
    assert bench.raw.get(f"/containers/{container}/json").status == 404


def test_rm_of_nothing(bench: Bench) -> None:
    result = bench.cli("rm", "no-such-one")
    assert result.code == 1
    assert "No such container: no-such-one" in result.err  # clients begin it differently


def test_top(bench: Bench) -> None:
    lines = bench.cli("top", bench.run()).out.splitlines()
    assert lines[0].split() == words("UID PID PPID C STIME TTY TIME CMD")
    assert lines[1].endswith("sleep 1000")


def test_exec(bench: Bench) -> None:
    container = bench.run()
    result = bench.cli("exec", container, "sh", "-c", "echo out; echo err >&2; exit 4")
    assert (result.code, result.out, result.err) == (4, "out\n", "err\n")
    result = bench.cli("exec", "-i", "-e", "A=1", "-w", "/tmp", "-u", "nobody", container, "sh",
                       stdin="echo $A; pwd; id -un\n")  # fmt: skip
    assert result.out == "1\n/tmp\nnobody\n"
    result = bench.cli("exec", container, "no-such-program")
    assert result.code in (126, 127)  # 127 since client 20-odd reads the message
    assert "executable file not found" in result.err + result.out


def test_exec_not_running(bench: Bench) -> None:
    container = bench.create()
    result = bench.cli("exec", container, "ls")
    assert result.code == 1
    assert "is not running" in result.err


def test_network_commands(bench: Bench) -> None:
    name = bench.name("net")
    bench.adopt_network(name)
    options = ("--label", f"{bench.prefix}=1", "--internal")
    assert bench.cli("network", "create", *options, name).code == 0
    listed = bench.cli("network", "ls", "--filter", f"label={bench.prefix}").out.splitlines()
    assert listed[0].split() == ["NETWORK", "ID", "NAME", "DRIVER", "SCOPE"]
    assert listed[1].split()[1:] == [name, "bridge", "local"]
    container = bench.run("c")
    assert bench.cli("network", "connect", "--alias", "x", name, bench.name("c")).code == 0
    shown = bench.cli("network", "inspect", "--format", "{{len .Containers}} {{.Internal}}", name)
    assert shown.out == "1 true\n"
    result = bench.cli("network", "rm", name)
    assert result.code == 1
    assert "has active endpoints" in result.err
    assert bench.cli("network", "disconnect", name, container).code == 0
    assert bench.cli("network", "rm", name).out == f"{name}\n"


def test_network_inspect_of_nothing(bench: Bench) -> None:
    result = bench.cli("network", "inspect", "no-such-net")
    assert (result.code, result.out) == (1, "[]\n")
    assert "no-such-net" in result.err


def test_network_prune(bench: Bench) -> None:
    bench.network(Labels={bench.prefix: ""})
    result = bench.cli("network", "prune", "-f", "--filter", f"label={bench.prefix}")
    assert result.out == f"Deleted Networks:\n{bench.name('net')}\n\n"


@pytest.mark.parametrize("version", ["1.24", "1.30", "1.40", "1.43", "1.44", "1.45"])
def test_old_api_versions(bench: Bench, version: str) -> None:
    """A client of that age: run, list, exec, remove."""
    environment = {**os.environ, "DOCKER_API_VERSION": version}
    environment["DOCKER_HOST"] = bench.engine.docker_host

    def docker(*words: str) -> str:
        done = subprocess.run(
            ["docker", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    name = bench.adopt(bench.name("old"))
    docker("run", "-d", "--name", name, "-P", "nginx")
    assert name in docker("ps", "--filter", f"name={name}")
    assert docker("exec", name, "echo", "hello") == "hello\n"
    assert "80/tcp" in docker("port", name)
    assert name in docker("inspect", "--format", "{{.Name}}", name)
    docker("rm", "-f", name)


@contextmanager
def terminal(bench: Bench, *words: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The command at a pseudo-terminal of its own: the master side and the process."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["docker", "--host", bench.engine.docker_host, *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        yield master, process
    finally:
        os.close(master)
        if process.poll() is None:
            process.kill()
        process.wait()


def expect(master: int, mark: bytes) -> bytes:
    """Reads from a terminal until ``mark`` shows."""
    data = b""
    deadline = time.monotonic() + 20
    while mark not in data:
        assert time.monotonic() < deadline, data
        with suppress(BlockingIOError):
            try:
                data += os.read(master, 4096)
            except OSError as error:
                raise AssertionError(data) from error
    return data


def test_run_interactive(bench: Bench) -> None:
    name = bench.adopt(bench.name("tty"))
    with terminal(bench, "run", "-it", "--name", name, "alpine", "sh") as (master, process):
        expect(master, b"# ")
        os.write(master, b"tty; echo mark-$((6*7))\n")
        assert b"/dev/pts/" in expect(master, b"mark-42")
        os.write(master, b"exit 5\n")
        expect(master, b"exit 5\r\n")
        assert process.wait(20) == 5


def test_exec_interactive(bench: Bench) -> None:
    container = bench.run()
    with terminal(bench, "exec", "-it", container, "sh") as (master, process):
        expect(master, b"# ")
        os.write(master, b"echo $((6*7))-$TERM\n")
        shown = expect(master, b"42-")
        if b"# " not in shown.partition(b"42-")[2]:
            expect(master, b"# ")  # back at the prompt: what is typed before may be thrown away
        os.write(master, b"\x04")
        assert process.wait(20) == 0


def test_detach_from_an_interactive_run(bench: Bench) -> None:
    name = bench.adopt(bench.name("tty"))
    with terminal(bench, "run", "-it", "--name", name, "alpine", "sh") as (master, process):
        expect(master, b"# ")
        os.write(master, b"\x10\x11")
        assert process.wait(20) == 0
    assert bench.state(name)["Running"] is True
    with terminal(bench, "attach", name) as (master, process):
        os.write(master, b"\necho again-$((1+1))\n")
        expect(master, b"again-2")
        os.write(master, b"exit\n")
        assert process.wait(20) == 0


def test_interrupted_run_stops_its_container(bench: Bench) -> None:
    """The client forwards the signal to the first process."""
    name = bench.adopt(bench.name("fg"))
    script = ["sh", "-c", "trap 'exit 6' INT; echo up; while :; do sleep 0.05; done"]
    process = subprocess.Popen(
        ["docker", "--host", bench.engine.docker_host, "run", "--name", name, "alpine", *script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.readline() == b"up\n"
    process.send_signal(2)
    assert process.wait(20) == 6
    process.stdout.close()
    until(lambda: bench.state(name)["Status"] == "exited")


def test_pull_of_a_known_image_shows_progress(bench: Bench) -> None:
    if bench.engine.name == "dockerd":
        pytest.skip("this dockerd reaches no registry")
    result = bench.cli("pull", "nginx")
    assert result.code == 0
    assert "latest: Pulling from library/nginx" in result.out
    assert "docker.io/library/nginx:latest" in result.out
