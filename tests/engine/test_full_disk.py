"""An engine whose state directory has no room left: what it says, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.harness import until
from tests.engine.test_main import DEADLINE, ask

SMALL = (
    "mount -t tmpfs -o size=2m tmpfs {0}/state && exec {1} -m course_lib.engine "
    "--socket {0}/s --state {0}/state"
)
"""A shell's words for an engine on a disk of two megabytes, in a mount namespace of its own."""


@contextmanager
def small_engine(folder: Path) -> Iterator[Path]:
    """The socket of an engine on a small disk; skips where no namespaces are to be had."""
    (folder / "state").mkdir()
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        possible = subprocess.run([*unshare, "mount", "-t", "tmpfs", "x", "/mnt"], check=False)
    except FileNotFoundError:
        pytest.skip("no unshare command here")
    if possible.returncode:
        pytest.skip("no mount namespaces for users here")
    words = SMALL.format(folder, sys.executable)
    process = subprocess.Popen([*unshare, "sh", "-c", words], stdin=subprocess.DEVNULL)
    try:
        until(lambda: process.poll() is not None or (folder / "s").exists())
        assert process.poll() is None
        yield folder / "s"
    finally:
        process.kill()
        process.wait(DEADLINE)


def start(socket: Path, name: str, script: str) -> None:
    """Start a container of that name with the volume ``data``."""
    body = {
        "Image": "alpine",
        "Cmd": ["sh", "-c", script],
        "HostConfig": {"Binds": ["data:/data"]},
    }
    status, answer = ask(socket, "POST", f"/containers/create?name={name}", body)
    assert status == 201, answer
    assert ask(socket, "POST", f"/containers/{name}/start")[0] == 204


def end(socket: Path, name: str) -> int:
    """Wait until a container ends; its exit code."""
    code: int = ask(socket, "POST", f"/containers/{name}/wait")[1]["StatusCode"]
    return code


def make_until_refused(socket: Path, kind: str) -> tuple[set[str], str]:
    """Make things until there is no room; those that were acknowledged, and the refusal."""
    made: set[str] = set()
    while True:
        name = f"{kind}{len(made)}"
        bodies: dict[str, tuple[str, Any]] = {
            "volumes": ("/volumes/create", {"Name": name}),
            "networks": ("/networks/create", {"Name": name}),
            "containers": (f"/containers/create?name={name}", {"Image": "alpine"}),
        }
        status, answer = ask(socket, "POST", *bodies[kind])
        if status != 201:
            assert status == 500, answer
            return made, answer["message"]
        made.add(name)
        assert len(made) < 1000


def names(socket: Path, kind: str) -> set[str]:
    """The names of what there is of a kind, those of the test alone."""
    if kind == "volumes":
        found = [row["Name"] for row in ask(socket, "GET", "/volumes")[1]["Volumes"]]
    elif kind == "networks":
        found = [row["Name"] for row in ask(socket, "GET", "/networks")[1]]
    else:
        rows = ask(socket, "GET", "/containers/json?all=1")[1]
        found = [row["Names"][0].removeprefix("/") for row in rows]
    return {name for name in found if name.startswith(kind)}


def test_full_disk_is_an_error_and_leaves_nothing_half_made(tmp_path: Path) -> None:
    with small_engine(tmp_path) as socket:
        ask(socket, "POST", "/images/create?fromImage=alpine&tag=latest")
        start(socket, "free", "trap 'rm /data/big; exit 0' TERM; while :; do sleep 0.1; done")
        # Its log has no room either, so its end says what it saw.
        start(socket, "fill", "dd if=/dev/zero of=/data/big bs=4096 2>&1 | grep -q 'space left'")
        assert end(socket, "fill") == 0
        for kind in ("volumes", "networks", "containers"):
            made, message = make_until_refused(socket, kind)
            assert "no space left on device" in message.lower()
            assert names(socket, kind) == made
        assert ask(socket, "GET", "/_ping") == (200, "OK")
        # Once there is room, all goes on.
        assert ask(socket, "POST", "/containers/free/kill?signal=TERM")[0] == 204
        assert end(socket, "free") == 0
        start(socket, "again", "echo room > /data/f && grep -q room /data/f")
        assert end(socket, "again") == 0
        for name in ("free", "fill", "again"):
            assert ask(socket, "DELETE", f"/containers/{name}")[0] == 204
        assert ask(socket, "DELETE", "/volumes/data")[0] == 204
