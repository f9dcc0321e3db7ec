"""``course engine start | env | status | stop | reset``."""

from __future__ import annotations

import argparse
import json
import os
import shlex

from course_lib import clients
from course_lib.cli.progress import announce
from course_lib.embedded import EmbeddedEngine


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
    """Say whether it runs."""
    found = _engine(arguments).status()
    if arguments.json:
        document = {
            "running": found.running,
            "docker_host": found.docker_host,
            "socket": str(found.socket),
            "state": str(found.state),
            "pid": found.pid,
            "version": found.version or None,
            "api_version": found.api_version or None,
        }
        print(json.dumps(document, indent=2))
    elif found.running:
        print(f"running: embedded engine {found.version} (API {found.api_version})")
        print(f"DOCKER_HOST={found.docker_host}")
        print(f"state in {found.state}, process {found.pid}")
    else:
        print(f"not running (socket {found.socket}, state in {found.state})")
    return 0 if found.running else 1


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
    return EmbeddedEngine.at(arguments.socket, arguments.state)
