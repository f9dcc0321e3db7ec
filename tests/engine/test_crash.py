"""SIGKILL at random moments under load: what was acknowledged is there afterwards.

``COURSE_TEST_CRASHES=200 COURSE_TEST_SEED=7 pytest tests/engine/test_crash.py`` kills that often,
at moments that the seed chooses.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.engine.test_main import DEADLINE, ask, running

CRASHES = int(os.environ.get("COURSE_TEST_CRASHES", "30"))
SEED = int(os.environ.get("COURSE_TEST_SEED", "1"))
POLICIES = ("no", "always", "unless-stopped")
LOOP = "while :; do echo line-$i > /data/$NAME-$i && echo $i; i=$((i+1)); done"


class Book:
    """What the engine has acknowledged: name → state; ``unsure`` was asked for and not answered."""

    def __init__(self) -> None:
        self.there: dict[str, Any] = {}
        self.unsure: set[str] = set()

    def wants(self, name: str) -> None:
        self.unsure.add(name)

    def has(self, name: str, state: Any = True) -> None:
        self.there[name] = state
        self.unsure.discard(name)

    def lost(self, name: str) -> None:
        self.there.pop(name, None)
        self.unsure.discard(name)

    def check(self, found: set[str]) -> None:
        """Compare with what there is, and believe that from now on."""
        sure = self.there.keys() - self.unsure
        assert sure <= found, f"lost: {sure - found}"
        assert found <= sure | self.unsure, f"came back: {found - sure - self.unsure}"
        for name in self.unsure:
            if name in found:
                self.there.setdefault(name, None)
            else:
                self.there.pop(name, None)
        self.unsure.clear()


class World:
    """One state directory, and what should be in it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.containers = Book()
        self.networks = Book()
        self.tags = Book()
        self.bytes = Book()
        self.ports: set[int] = set()
        self.stopping = threading.Event()

    def ask(self, method: str, target: str, body: Any = None) -> tuple[int, Any]:
        return ask(self.folder / "s", method, target, body)

    def done(self, method: str, target: str, body: Any = None) -> Any:
        status, answer = self.ask(method, target, body)
        assert status < 300, (method, target, status, answer)
        return answer

    # load --------------------------------------------------------------------------------------

    def make_containers(self, round_: int) -> None:
        for number in range(10_000):
            name = f"c{round_}-{number}"
            policy = POLICIES[number % 3]
            host: dict[str, Any] = {"RestartPolicy": {"Name": policy}, "Binds": ["data:/data"]}
            if number % 4 == 0:
                host["PortBindings"] = {"80/tcp": [{}]}
            self.containers.wants(name)
            body = {"Image": "alpine", "Cmd": ["sleep", "1000"], "HostConfig": host}
            self.done("POST", f"/containers/create?name={name}", body)
            self.containers.has(name)  # created; in which state next is not known before it is told
            self.done("POST", f"/containers/{name}/start")
            self.containers.has(name, ("started", policy))
            ports = self.done("GET", f"/containers/{name}/json")["NetworkSettings"]["Ports"]
            self.ports |= {int(one["HostPort"]) for row in ports.values() for one in row or ()}
            if number % 5 == 2:
                self.containers.has(name)
                self.done("POST", f"/containers/{name}/stop?t=0")
                self.containers.has(name, ("stopped", policy))
            if number % 3 == 1:
                self.containers.wants(name)
                self.done("DELETE", f"/containers/{name}?force=1")
                self.containers.lost(name)

    def make_networks(self, round_: int) -> None:
        for number in range(10_000):
            name = f"n{round_}-{number}"
            self.networks.wants(name)
            subnet = f"10.{number % 250}.{round_ % 250}.0/24"
            config = {"Name": name, "IPAM": {"Config": [{"Subnet": subnet}]}}
            self.done("POST", "/networks/create", config)
            self.networks.has(name)
            if number % 4:
                self.networks.wants(name)
                self.done("DELETE", f"/networks/{name}")
                self.networks.lost(name)

    def make_tags(self, round_: int) -> None:
        for number in range(10_000):
            name = f"tag{round_}:{number}"
            self.tags.wants(name)
            self.done("POST", f"/images/alpine/tag?repo=tag{round_}&tag={number}")
            self.tags.has(name)
            if number % 4:
                self.tags.wants(name)
                self.done("DELETE", f"/images/{name}")
                self.tags.lost(name)

    def write_bytes(self, round_: int) -> None:
        """A container that writes file after file, and says so once each is closed."""
        name = f"w{round_}"
        self.containers.wants(name)
        body = {
            "Image": "alpine",
            "Cmd": ["sh", "-c", LOOP],
            "Env": [f"NAME={name}", "i=0"],
            "HostConfig": {"Binds": ["data:/data"]},
        }
        self.done("POST", f"/containers/create?name={name}", body)
        self.containers.has(name)
        with closing(socket.socket(socket.AF_UNIX)) as stream:
            stream.settimeout(DEADLINE)
            stream.connect(str(self.folder / "s"))
            stream.sendall(
                f"POST /v1.45/containers/{name}/attach?stream=1&stdout=1 HTTP/1.1\r\n"
                "Host: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                "Content-Length: 0\r\n\r\n".encode()
            )
            head = b""
            while b"\r\n\r\n" not in head:
                piece = stream.recv(4096)
                if not piece:
                    return
                head += piece
            self.done("POST", f"/containers/{name}/start")
            data = head.partition(b"\r\n\r\n")[2]
            while True:
                while len(data) >= 8 and len(data) >= 8 + int.from_bytes(data[4:8], "big"):
                    size = 8 + int.from_bytes(data[4:8], "big")
                    for word in data[8:size].split():
                        self.bytes.has(f"{name}-{word.decode()}", f"line-{word.decode()}\n")
                    data = data[size:]
                piece = stream.recv(65536)
                if not piece:
                    return
                data += piece

    def round(self, number: int, process: subprocess.Popen[bytes]) -> None:
        """Load from four clients, and in the middle of it the end."""
        self.done("POST", "/images/create?fromImage=alpine&tag=latest")
        failures: list[BaseException] = []

        def loaded(work: Callable[[int], None]) -> None:
            try:
                work(number)
            except (OSError, HTTPException, json.JSONDecodeError):
                pass  # the engine is gone
            except BaseException as error:
                if process.poll() is None and not self.stopping.is_set():
                    failures.append(error)

        works = (self.make_containers, self.make_networks, self.make_tags, self.write_bytes)
        self.stopping.clear()
        threads = [threading.Thread(target=loaded, args=[work]) for work in works]
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(0.0, 0.5))  # when, is what this test is about
        self.stopping.set()
        process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
        for thread in threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()
        assert not failures, failures
        with pytest.raises(ProcessLookupError):
            os.kill(process.pid, 0)
        for port in self.ports:
            assert _closed(port), f"port {port} is still open"
        self.ports.clear()

    # afterwards --------------------------------------------------------------------------------

    def look(self) -> None:
        """Everything acknowledged is there, as after a reboot; then most of it is removed."""
        rows = self.done("GET", "/containers/json?all=1")
        names = {row["Names"][0].strip("/"): row for row in rows}
        states = dict(self.containers.there)
        unsure = set(self.containers.unsure)
        self.containers.check(set(names))
        for name, state in states.items():
            if name not in unsure and state is not None and state is not True:
                self._check_state(name, *state)
        found = {row["Name"] for row in self.done("GET", "/networks")}
        self.networks.check(found - {"bridge", "host", "none"})
        images = self.done("GET", "/images/json")
        tags = {tag for image in images for tag in image["RepoTags"] or ()}
        self.tags.check({tag for tag in tags if tag.startswith("tag")})
        if self.bytes.there:
            data = Path(self.done("GET", "/volumes/data")["Mountpoint"])
            for name, text in self.bytes.there.items():
                assert (data / name).read_text() == text, name
        self._tidy(names)

    def _check_state(self, name: str, act: str, policy: str) -> None:
        again = policy == "always" or (policy == "unless-stopped" and act == "started")
        deadline = time.monotonic() + DEADLINE
        while True:
            state = self.done("GET", f"/containers/{name}/json")["State"]
            if state["Running"] == again:
                return
            assert again, (name, act, policy, state)  # one that should not run never comes to
            assert time.monotonic() < deadline, (name, act, policy, state)

    def _tidy(self, names: dict[str, Any]) -> None:
        for name in list(names)[::-1][1:]:
            self.done("DELETE", f"/containers/{name}?force=1")
            self.containers.lost(name)
        for name in list(self.networks.there)[1:]:
            self.done("DELETE", f"/networks/{name}")
            self.networks.lost(name)
        for name in list(self.tags.there)[1:]:
            self.done("DELETE", f"/images/{name}")
            self.tags.lost(name)
        containers = self.folder / "state" / "containers"  # there from the first container on
        folders = set(os.listdir(containers)) if containers.exists() else set()
        ids = {row["Id"] for row in self.done("GET", "/containers/json?all=1")}
        assert {name for name in folders if len(name) == 64} <= ids, "a folder without a container"
        if len(self.bytes.there) > 2000:
            data = Path(self.done("GET", "/volumes/data")["Mountpoint"])
            for name in list(self.bytes.there):
                (data / name).unlink()
                self.bytes.lost(name)


def _closed(port: int) -> bool:
    with closing(socket.socket()) as probe, suppress(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(60 + 10 * CRASHES)
def test_crashes_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    world = World(tmp_path, SEED)
    for number in range(CRASHES):
        with running(tmp_path) as process:
            if number:
                world.look()
            world.round(number, process)
    with running(tmp_path):
        world.look()
    log = tmp_path / "state" / "engine.log"
    assert not log.exists() or "Traceback" not in log.read_text()


def test_a_crash_leaves_a_socket_that_the_next_engine_replaces(tmp_path: Path) -> None:
    with running(tmp_path) as process:
        process.kill()
        process.wait(DEADLINE)
    assert (tmp_path / "s").exists()
    with running(tmp_path):
        assert ask(tmp_path / "s", "GET", "/_ping") == (200, "OK")
    assert list(tmp_path.glob("*.tmp")) == []
