"""Ports below 1024, asked of an engine that really has no privilege."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.engine.test_main import ask, running

SETTING = "/proc/sys/net/ipv4/ip_unprivileged_port_start"
# Also for root, who has to be in a namespace of his own before all of it goes.
DROP = "exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs"
ALONE = ["unshare", "--net", *(() if os.geteuid() == 0 else ("--user", "--map-root-user"))]


def namespace(first: int) -> list[str]:
    """A command that runs another without capabilities, in a network stack of its own.

    :param first: the first port there that needs none.
    """
    words = [*ALONE, "sh", "-ec", f'ip link set lo up; echo {first} >{SETTING}; {DROP} "$@"', "sh"]
    try:
        done = subprocess.run([*words, "true"], capture_output=True, text=True, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError as error:
        problem = str(error)
    if problem:
        reason = f"no network namespace of one's own here: {problem}"
        if os.environ.get("CI"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return words


def create(socket: Path, name: str, port: str, host_port: str) -> None:
    bindings = {port: [{"HostPort": host_port}]}
    body = {
        "Image": "alpine",
        "Cmd": ["sleep", "1000"],
        "ExposedPorts": {port: {}},
        "HostConfig": {"PortBindings": bindings},
    }
    assert ask(socket, "POST", f"/containers/create?name={name}", body)[0] == 201


def test_refused_as_rootless_docker_refuses_them(tmp_path: Path) -> None:
    engine = tmp_path / "s"
    with running(tmp_path, under=namespace(1024)) as process:
        rights = Path(f"/proc/{process.pid}/status").read_text()
        assert "CapEff:\t0000000000000000\n" in rights
        assert ask(engine, "POST", "/images/create?fromImage=alpine&tag=latest")[0] == 200
        for protocol in ("tcp", "udp"):
            create(engine, f"low-{protocol}", f"80/{protocol}", "80")
            status, answer = ask(engine, "POST", f"/containers/low-{protocol}/start")
            assert status == 500
            text = answer["message"]
            assert text.startswith("driver failed programming external connectivity on endpoint ")
            assert text.endswith(
                "Error starting userland proxy: error while calling PortManager.AddPort(): cannot "
                "expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' "
                "to /etc/sysctl.conf (currently 1024), or choose a larger port number (>= 1024): "
                f"listen {protocol}4 0.0.0.0:80: bind: permission denied "
                "(the embedded engine runs without privilege)"
            )
            _, shown = ask(engine, "GET", f"/containers/low-{protocol}/json")
            assert shown["State"]["Status"] == "created"
        create(engine, "high", "80/tcp", "1024")
        assert ask(engine, "POST", "/containers/high/start")[0] == 204


def test_the_way_out_that_the_refusal_names(tmp_path: Path) -> None:
    with running(tmp_path, under=namespace(80)):
        engine = tmp_path / "s"
        assert ask(engine, "POST", "/images/create?fromImage=alpine&tag=latest")[0] == 200
        create(engine, "web", "80/tcp", "80")
        assert ask(engine, "POST", "/containers/web/start")[0] == 204
        create(engine, "low", "80/tcp", "79")
        status, answer = ask(engine, "POST", "/containers/low/start")
        assert (status, "(currently 80)" in answer["message"]) == (500, True)
