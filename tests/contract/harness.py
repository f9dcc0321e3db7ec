"""What a contract test works with: an engine, and a bench that cleans up behind the test."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

import docker
from docker.errors import APIError

from course_lib.sdk import exec_output
from tests.contract.rawhttp import RawClient, Response

IDLE = ["sleep", "1000"]
DEADLINE = 30.0


@dataclass(frozen=True)
class Engine:
    """One engine under test.

    :param name: ``embedded`` or ``dockerd``.
    :param socket: path of its Unix socket.
    :param address: where its published ports answer.
    """

    name: str
    socket: str
    address: str
    raw: RawClient
    sdk: docker.DockerClient

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"


@dataclass(frozen=True)
class Result:
    """How a program ended, inside a container or on the command line."""

    code: int
    out: str
    err: str = ""


@dataclass
class Bench:
    """One test's own corner of an engine: makes things under unique names, removes them all."""

    engine: Engine
    prefix: str = field(default_factory=lambda: f"ct{uuid.uuid4().hex[:8]}")
    _containers: list[str] = field(default_factory=list)
    _networks: list[str] = field(default_factory=list)
    _images: list[str] = field(default_factory=list)
    _volumes: list[str] = field(default_factory=list)

    @property
    def raw(self) -> RawClient:
        return self.engine.raw

    @property
    def sdk(self) -> docker.DockerClient:
        return self.engine.sdk

    def name(self, word: str = "c") -> str:
        """A name nobody else has; the same word gives the same name within a test."""
        return f"{self.prefix}-{word}"

    # containers ----------------------------------------------------------------------------

    def create_raw(
        self, config: Mapping[str, Any], name: str | None = None, **words: Any
    ) -> Response:
        """``POST /containers/create``; what it made goes when the test ends."""
        params = {"name": name} if name else None
        response = self.raw.post("/containers/create", dict(config), params=params, **words)
        if response.status == 201:
            self._containers.append(response.json()["Id"])
        return response

    def create(
        self,
        word: str | None = None,
        command: Sequence[str] | None = None,
        image: str = "alpine",
        host: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> str:
        """Creates a container (an idle alpine unless told) and gives its ID."""
        body: dict[str, Any] = {"Image": image, **config}
        if command is not None or image in ("alpine", "busybox", "centos"):
            body["Cmd"] = list(command if command is not None else IDLE)
        if host is not None:
            body["HostConfig"] = dict(host)
        response = self.create_raw(body, self.name(word) if word else None)
        assert response.status == 201, response.body
        container: str = response.json()["Id"]
        return container

    def run(self, word: str | None = None, *args: Any, **words: Any) -> str:
        """Creates and starts a container and gives its ID."""
        container = self.create(word, *args, **words)
        self.start(container)
        return container

    def start(self, container: str) -> None:
        response = self.raw.post(f"/containers/{container}/start")
        assert response.status == 204, response.body

    def on(self, network: str, word: str, **words: Any) -> str:
        """Runs an idle container on a network of the test (or a predefined one)."""
        return self.run(word, host={"NetworkMode": network, **words.pop("host", {})}, **words)

    def finish(self, container: str) -> int:
        """Waits until a container stops and gives its exit code."""
        response = self.raw.post(f"/containers/{container}/wait")
        assert response.status == 200, response.body
        code: int = response.json()["StatusCode"]
        return code

    def output(self, *command: str, image: str = "alpine", **words: Any) -> str:
        """What a fresh container prints on standard output, run to its end."""
        container = self.run(None, command, image, **words)
        self.finish(container)
        return self.logs(container)

    def logs(self, container: str) -> str:
        raw = self.engine.sdk.api.logs(container, stdout=True, stderr=True)
        assert isinstance(raw, bytes)
        return raw.decode()

    def inspect(self, container: str, **words: Any) -> dict[str, Any]:
        response = self.raw.get(f"/containers/{container}/json", **words)
        assert response.status == 200, response.body
        document: dict[str, Any] = response.json()
        return document

    def state(self, container: str) -> dict[str, Any]:
        state: dict[str, Any] = self.inspect(container)["State"]
        return state

    def listed(self, container: str) -> dict[str, Any]:
        """A container's row in ``GET /containers/json``."""
        params = {"all": "1", "filters": {"id": [container]}}
        (row,) = self.raw.get("/containers/json", params=params).json()
        assert isinstance(row, dict)
        return row

    def sh(self, container: str, script: str, **words: Any) -> Result:
        """Runs a script with ``sh -c`` inside a container."""
        return self.exec(container, ["sh", "-c", script], **words)

    def exec(self, container: str, command: Sequence[str], **words: Any) -> Result:
        """Runs a program inside a container to its end."""
        api = self.engine.sdk.api
        made = api.exec_create(container, list(command), **words)["Id"]
        out, err = exec_output(api, made)
        return Result(api.exec_inspect(made)["ExitCode"], out.decode(), err.decode())

    # networks ------------------------------------------------------------------------------

    def create_network_raw(self, body: Mapping[str, Any], **words: Any) -> Response:
        response = self.raw.post("/networks/create", dict(body), **words)
        if response.status == 201:
            self._networks.append(response.json()["Id"])
        return response

    def network(self, word: str = "net", **body: Any) -> str:
        """Creates a network and gives its name."""
        name = self.name(word)
        response = self.create_network_raw({"Name": name, **body})
        assert response.status == 201, response.body
        return name

    def inspect_network(self, network: str, **words: Any) -> dict[str, Any]:
        response = self.raw.get(f"/networks/{network}", **words)
        assert response.status == 200, response.body
        document: dict[str, Any] = response.json()
        return document

    def connect(self, network: str, container: str, **endpoint: Any) -> Response:
        body = {"Container": container, "EndpointConfig": endpoint}
        return self.raw.post(f"/networks/{network}/connect", body)

    def disconnect(self, network: str, container: str, force: bool = False) -> Response:
        body = {"Container": container, "Force": force}
        return self.raw.post(f"/networks/{network}/disconnect", body)

    def address(self, container: str, network: str) -> str:
        """A container's IPv4 address on a network."""
        endpoint = self.inspect(container)["NetworkSettings"]["Networks"][network]
        address: str = endpoint["IPAddress"]
        return address

    def serve(self, word: str, network: str, text: str | None = None, **words: Any) -> str:
        """A container that answers HTTP at port 80 with ``text`` (its word unless told)."""
        container = self.on(network, word, image="nginx", **words)
        page = f"echo '{text or word}' > /usr/share/nginx/html/index.html"
        assert self.sh(container, page).code == 0
        until(lambda: self.sh(container, "curl -sf http://127.0.0.1/").code == 0)
        return container

    # volumes -------------------------------------------------------------------------------

    def create_volume_raw(self, body: Mapping[str, Any], **words: Any) -> Response:
        response = self.raw.post("/volumes/create", dict(body), **words)
        if response.status == 201:
            self._volumes.append(response.json()["Name"])
        return response

    def volume(self, word: str = "vol", **body: Any) -> str:
        """Creates a volume and gives its name."""
        response = self.create_volume_raw({"Name": self.name(word), **body})
        assert response.status == 201, response.body
        return self.name(word)

    def adopt_volume(self, volume: str) -> str:
        """Has a volume removed at the end that something else made for the test."""
        self._volumes.append(volume)
        return volume

    # the rest ------------------------------------------------------------------------------

    def tagged(self, source: str, word: str, tag: str = "latest") -> str:
        """A further tag for an image; goes when the test ends."""
        params = {"repo": self.name(word), "tag": tag}
        response = self.raw.post(f"/images/{source}/tag", params=params)
        assert response.status == 201, response.body
        self._images.append(f"{self.name(word)}:{tag}")
        return self._images[-1]

    def cli(
        self,
        *words: str,
        stdin: str | None = None,
        timeout: float = 60,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Runs the ``docker`` command against the engine; never raises for an exit code.

        :param env: further environment variables.
        """
        done = subprocess.run(
            ["docker", "--host", self.engine.docker_host, *words],
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, **env} if env else None,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def image_name(self, word: str = "image") -> str:
        """A name for an image that something else makes; goes when the test ends."""
        return self.adopt_image(self.name(word))

    def adopt_image(self, image: str) -> str:
        """Has an image removed at the end, with the steps that only it stands on."""
        self._images.append(image)
        return image

    def adopt(self, container: str) -> str:
        """Has a container removed at the end that something else made for the test."""
        self._containers.append(container)
        return container

    def adopt_network(self, network: str) -> str:
        self._networks.append(network)
        return network

    def fetch(self, port: int, path: str = "/") -> str:
        """The body that a published port gives, asked for until it answers."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                return http_get(self.engine.address, port, path)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def clean(self) -> None:
        params = {"force": "1", "v": "1"}
        for container in reversed(self._containers):
            answer = self.raw.delete(f"/containers/{container}", params=params, version="")
            assert answer.status in (204, 404, 409), answer.body
        for volume in self._volumes:
            remove(self.raw, f"/volumes/{volume}")
        for network in self._networks:
            remove(self.raw, f"/networks/{network}")
        for image in reversed(self._images):
            self.raw.delete(f"/images/{image}", version="")


def http_get(address: str, port: int, path: str = "/") -> str:
    """One GET over TCP. ``OSError`` where nobody answers properly."""
    with socket.create_connection((address, port), timeout=5) as stream:
        stream.sendall(f"GET {path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        data = b"".join(iter(lambda: stream.recv(65536), b""))
    head, found, body = data.partition(b"\r\n\r\n")
    if not found or not head.startswith(b"HTTP/1."):
        raise ConnectionError("no HTTP answer")
    return body.decode()


def until(condition: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    """The first true value of ``condition``, asked for until a deadline.

    :raises AssertionError: when the deadline passes.
    """
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.05)


def remove(raw: RawClient, path: str) -> None:
    """``DELETE``, until what ``path`` names is gone.

    On a shared dockerd another test's picture may hold a volume for a moment, by a container made
    for looking into it; and dockerd lets go of a container's things a moment after it has answered.

    :raises AssertionError: when it is still there at the deadline; says why.
    """
    deadline = time.monotonic() + DEADLINE
    while (answer := raw.delete(path, version="")).status not in (204, 404):
        if "in use by service" in answer.message:
            return  # goes with the swarm
        assert time.monotonic() < deadline, f"{path} stays: {answer.body!r}"
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of the machine that nobody listens on, below the range engines hand out."""
    for port in range(20000 + uuid.uuid4().int % 9000, 30000):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise AssertionError("no free port")


def free_block() -> IPv4Network:
    """A network of 256 addresses that hardly anybody else uses."""
    number = uuid.uuid4().int
    return IPv4Network(f"10.{192 + number % 16}.{number // 16 % 256}.0/24")


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """A program of the machine that holds a port."""
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", port))
        listener.listen()
        yield listener.getsockname()[1]


def words(text: str) -> list[str]:
    """A list of words, written as text."""
    return text.split()


def addresses(ip_output: str) -> dict[str, list[str]]:
    """Interfaces and their IPv4 addresses (with prefix) in the output of ``ip address``."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in ip_output.splitlines():
        if header := re.match(r"\d+: ([^:@]+)", line):
            current = header[1]
            found[current] = []
        elif address := re.match(r"\s+inet (\S+)", line):
            found[current].append(address[1])
    return found


def host_ports(container: Mapping[str, Any], port: str = "80/tcp") -> set[int]:
    """The host ports at which a container's port is published for IPv4.

    (Up to Engine 26 one that the engine chooses may differ for IPv6.)
    """
    bindings = container["NetworkSettings"]["Ports"].get(port) or ()
    return {int(b["HostPort"]) for b in bindings if ":" not in b["HostIp"]}


__all__ = [
    "APIError",
    "Bench",
    "Engine",
    "Response",
    "Result",
    "addresses",
    "free_block",
    "free_port",
    "host_ports",
    "http_get",
    "listening",
    "until",
    "words",
]
