"""The two engines that the benchmarks compare."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker

DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class BenchEngine:
    """An engine under measurement; ``pid`` is known for the embedded one only."""

    host: str
    pid: int | None = None

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.host, timeout=120)

    def cli(self, *words: str) -> str:
        """Run the ``docker`` command against this engine and return what it printed."""
        done = subprocess.run(
            ["docker", *words],
            env={**os.environ, "DOCKER_HOST": self.host},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def rss_kib(self) -> int:
        """Resident memory of the embedded engine in KiB."""
        assert self.pid is not None
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if "VmRSS" in line).split()[1])


def wait_for(socket: Path, process: subprocess.Popen[bytes]) -> None:
    """Return as soon as the engine answers ``/_ping``."""
    import socket as sockets

    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the engine ended with {process.returncode}")
        try:
            with sockets.socket(sockets.AF_UNIX) as connection:
                connection.connect(str(socket))
                connection.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
                if connection.recv(12).endswith(b"200"):
                    return
        except OSError:
            time.sleep(0.002)
    raise TimeoutError("the engine did not answer")


def spawn(folder: Path) -> tuple[Path, subprocess.Popen[bytes]]:
    """An embedded engine that has just been started, and its socket."""
    socket = folder / "s"
    words = ["--socket", str(socket), "--state", str(folder / "state")]
    return socket, subprocess.Popen([sys.executable, "-m", "course_lib.engine", *words])


@contextmanager
def embedded() -> Iterator[BenchEngine]:
    """A fresh embedded engine in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        socket, process = spawn(Path(folder))
        try:
            wait_for(socket, process)
            yield BenchEngine(f"unix://{socket}", process.pid)
        finally:
            process.terminate()
            process.wait(20)


def dockerd() -> BenchEngine | None:
    """The real engine that the tests use, where one runs."""
    host = os.environ.get("COURSE_TEST_DOCKERD", "unix:///tmp/dockerd-26/docker.sock")
    try:
        docker.DockerClient(base_url=host, timeout=5).ping()
    except Exception:
        return None
    return BenchEngine(host)
