"""Several real engines on this machine, each a process of its own, driven by real clients."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import docker

from tests.contract import harness
from tests.contract.engines import answers
from tests.contract.harness import Result

SECONDS = 60.0
"""Within which a swarm has done what it is going to do, however busy the machine is."""


def until(condition: Callable[[], Any]) -> Any:
    """The first true value of ``condition``."""
    return harness.until(condition, SECONDS)


class EngineNode:
    """One engine: started, killed and started again on the same state."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.socket = str(self.folder / "s")
        self._process: subprocess.Popen[bytes] | None = None
        self._sdk: docker.DockerClient | None = None

    def start(self) -> None:
        """Run it until it answers."""
        words = ["--socket", self.socket, "--state", str(self.folder / "state")]
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "course_lib.engine", *words, "--host-name", self.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(lambda: answers(self.socket))

    def end(self, signum: signal.Signals = signal.SIGTERM) -> None:
        """End it: in order, or (SIGKILL) as a machine that loses its power."""
        if self._sdk is not None:
            self._sdk.close()
            self._sdk = None
        if self._process is not None:
            self._process.send_signal(signum)
            try:
                self._process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @property
    def sdk(self) -> docker.DockerClient:
        """The Docker SDK on it."""
        if self._sdk is None:
            self._sdk = docker.DockerClient(base_url=f"unix://{self.socket}", timeout=SECONDS)
        return self._sdk

    def ask(self, *words: str) -> Result:
        """The docker command on it."""
        done = subprocess.run(
            ["docker", *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "DOCKER_HOST": f"unix://{self.socket}", "HOME": str(self.folder)},
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def do(self, *words: str) -> str:
        """The docker command on it, which has to succeed; what it prints."""
        result = self.ask(*words)
        assert result.code == 0, (
            f"{self.name}: docker {' '.join(words)}: {result.err or result.out}"
        )
        return result.out.strip()

    def sh(self, container: str, script: str) -> Result:
        """A script in a container."""
        return self.ask("exec", container, "sh", "-c", script)


class Fleet:
    """Engines by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.nodes: dict[str, EngineNode] = {}

    def start(self, name: str) -> EngineNode:
        """A further engine."""
        node = self.nodes[name] = EngineNode(name, self._folder)
        node.start()
        return node

    def close(self) -> None:
        """End them all."""
        for node in self.nodes.values():
            node.end()
