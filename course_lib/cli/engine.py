"""``course engine start | env | status | stop | reset``."""

from __future__ import annotations

import argparse
import json
import os
import shlex

from course_lib import clients
from course_lib.cli.progress import announce
from course_lib.embedded import EmbeddedEngine, Status
from course_lib.errors import UsageError


def start(arguments: argparse.Namespace) -> int:
    """Start it, print its ``DOCKER_HOST``."""
    engine = _engine(arguments)
    if arguments.foreground:
        return engine.run_in_foreground(lambda: print(engine.docker_host, flush=True))
    print(engine.start(announce=announce).docker_host)
    return 0


def env(arguments: argparse.Namespace) -> int:
    """Print what a shell evaluates."""
    status = _engine(arguments).start(announce=announce)
    print(f"export DOCKER_HOST={shlex.quote(status.docker_host)}")
    client = clients.find()
    if client is not None and client.private:
        folder = str(client.path.parent)
        if folder not in os.environ.get("PATH", "").split(os.pathsep):
            print(f'export PATH={shlex.quote(folder)}:"$PATH"')
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Say whether it runs, and which others there are."""
    asked = _engine(arguments)
    found = asked.status()
    others = [engine.status() for engine in EmbeddedEngine.all_named() if engine != asked]
    if arguments.json:
        document = {**_document(found), "others": [_document(other) for other in others]}
        print(json.dumps(document, indent=2))
        return 0 if found.running else 1
    if found.running:
        print(f"running: {_title(found)} {found.version} (API {found.api_version})")
        print(f"DOCKER_HOST={found.docker_host}")
        print(f"state in {found.state}, process {found.pid}")
    else:
        title = f"{found.name}: " if found.name else ""
        print(f"{title}not running (socket {found.socket}, state in {found.state})")
    for other in others:
        running = f"running, DOCKER_HOST={other.docker_host}" if other.running else "not running"
        print(f"also {other.name}: {running}")
    return 0 if found.running else 1


def _title(status: Status) -> str:
    return f"embedded engine {status.name}" if status.name else "embedded engine"


def _document(status: Status) -> dict[str, object]:
    return {
        "name": status.name or None,
        "running": status.running,
        "docker_host": status.docker_host,
        "socket": str(status.socket),
        "state": str(status.state),
        "pid": status.pid,
        "version": status.version or None,
        "api_version": status.api_version or None,
    }


def stop(arguments: argparse.Namespace) -> int:
    """End it."""
    stopped = _engine(arguments).stop()
    print("stopped" if stopped else "it was not running")
    return 0


def reset(arguments: argparse.Namespace) -> int:
    """Empty it."""
    emptied = _engine(arguments).reset()
    print("the engine is empty" if emptied else "there was nothing to empty")
    return 0


def _engine(arguments: argparse.Namespace) -> EmbeddedEngine:
    if arguments.name is None:
        return EmbeddedEngine.at(arguments.socket, arguments.state)
    if arguments.socket is not None or arguments.state is not None:
        raise UsageError("an engine with a --name has its --socket and --state by it")
    return EmbeddedEngine.named(arguments.name)
