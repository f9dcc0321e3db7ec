"""The ``docker`` command: finds the subcommand and runs it."""

from __future__ import annotations

from typing import cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.docker import containers, objects, running, system
from course_lib.engine.userland.docker.client import DEFAULT_HOST, Client, DockerError
from course_lib.engine.userland.docker.command import Command, Context
from course_lib.engine.userland.process import ContainerProcess

_GROUPS = ("container", "image", "network", "volume", "system")
_COMMANDS: dict[str, Command] = {
    **containers.COMMANDS, **objects.COMMANDS, **running.COMMANDS, **system.COMMANDS,
}  # fmt: skip
_COMMANDS |= {
    f"container {name}": c for name, c in (containers.COMMANDS | running.COMMANDS).items()
}
_COMMANDS["container ls"] = _COMMANDS["ps"]

_REAL = frozenset(
    "build buildx builder commit compose context cp diff events export history import load login "
    "logout manifest node plugin push save search secret service stack stats swarm system trust "
    "update config checkpoint".split()
)
"""Commands that the real client has and this one has not."""


async def docker(proc: Process) -> int:
    """The ``docker`` command, as far as this client goes."""
    own = cast(ContainerProcess, proc)
    try:
        return await _docker(own, proc.argv[1:])
    except DockerError as error:
        await proc.err(f"{error}\n")
        return error.code


async def _docker(proc: ContainerProcess, argv: list[str]) -> int:
    host = proc.env.get("DOCKER_HOST") or DEFAULT_HOST
    words = list(argv)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in ("-H", "--host", "-c", "--context", "-l", "--log-level", "--config"):
            value = value if equals else words.pop(0) if words else ""
            host = value if name in ("-H", "--host") else host
        elif name in ("-v", "--version"):
            await proc.out(f"Docker version {system.VERSION}, build embedded\n")
            return 0
        elif name in ("-h", "--help"):
            return await _help(proc)
        elif name not in ("-D", "--debug"):
            what = (f"unknown flag: {name}" if name.startswith("--")
                    else f"unknown shorthand flag: '{name[1:2]}' in {name}")  # fmt: skip
            raise DockerError(f"{what}\nSee 'docker --help'.", 125)
    if not words or words[0] == "help":
        return await _help(proc)
    name = words.pop(0)
    if name in _GROUPS and words and not words[0].startswith("-"):
        name = f"{name} {words.pop(0)}"
    command = _COMMANDS.get(name)
    if command is None:
        raise DockerError(_unknown(name))
    return await command.run(Context(proc, Client(proc, host), name), words)


def _unknown(name: str) -> str:
    group, _, below = name.partition(" ")
    if group in _REAL or below:
        return (
            f"docker: '{name}' is not in the docker command of the embedded engine's image; "
            "use the docker command outside of the container."
        )
    return f"docker: '{name}' is not a docker command.\nSee 'docker --help'"


async def _help(proc: ContainerProcess) -> int:
    lines = ["Usage:  docker [OPTIONS] COMMAND", "", "Commands:"]
    lines += [f"  {name:<20}{c.summary}" for name, c in sorted(_COMMANDS.items())
              if not name.startswith("container ") or name.endswith(" ls")]  # fmt: skip
    await proc.out("\n".join(lines) + "\n")
    return 0
