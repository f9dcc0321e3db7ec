"""Programs that run others under some condition: ``run-parts``, ``envdir``, ``setarch``."""

from __future__ import annotations

import os
import re

from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import Fail, Options, decode, program, reason
from course_lib.engine.userland.applets.running import become
from course_lib.engine.userland.process import ContainerProcess


@program(
    "a:u:",
    "[-a ARG]... [-u UMASK] [--reverse] [--test] [--exit-on-error] [--list] DIRECTORY",
    "Run a bunch of scripts in DIRECTORY",
    name="run-parts",
    long={"arg=": "a", "umask=": "u", "test": "t", "exit-on-error": "e", "list": "l",
          "reverse": "r"},
    least=1,
    most=1,
)  # fmt: skip
async def run_parts(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run the programs of a directory in the order of their names."""
    folder = words[0]
    try:
        names = proc.fs.listdir(proc.path(folder))
    except OSError as error:
        await proc.err(f"run-parts: {folder}: {reason(error)}\n")
        return 0
    try:
        proc.umask = int(options.get("u", "22"), 8)
    except ValueError:
        raise Fail(f"invalid number '{options['u']}'") from None
    status = 0
    for name in sorted(names, reverse="r" in options):
        path = f"{folder.rstrip('/')}/{name}"
        usable = "l" in options or proc.fs.access(proc.path(path), os.X_OK)
        mode = proc.fs.stat(proc.path(path)).mode
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*", name) or not usable:
            continue
        if mode & 0o170000 == 0o040000:
            continue
        if "t" in options or "l" in options:
            await proc.out(f"{path}\n")
            continue
        try:
            child = await proc.spawn([path, *options.all("a")], fds=proc.fds)
            code = await child.wait()
            message = f"{path}: exit status {code}"
        except OSError as error:
            code, message = 1, f"can't execute '{path}': {reason(error)}"
        if code:
            await proc.err(f"run-parts: {message}\n")
            status = 1
            if "e" in options:
                return 1
    return status


@program("", "DIR PROG ARGS", "Set environment variables from files in DIR and run PROG", least=2,
         permute=False)  # fmt: skip
async def envdir(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program with variables that are files of a directory."""
    env = dict(proc.env)
    folder = proc.path(words[0])
    try:
        for name in proc.fs.listdir(folder):
            if name.startswith(".") or "=" in name:
                continue
            data = proc.fs.read_bytes(f"{folder}/{name}")
            if data:
                env[name] = decode(data.split(b"\n")[0].replace(b"\0", b"\n")).rstrip(" \t")
            else:
                env.pop(name, None)
    except OSError as error:
        raise Fail(f"{words[0]}: {reason(error)}") from None
    return await become(proc, words[1:], env=env)


@program("", "USER PROG ARGS", "Set $UID and $GID to USER's and run PROG", least=2, permute=False)
async def envuidgid(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program with the numbers of a user in its environment."""
    user = users.user_by_name(proc.machine.fs, words[0])
    if user is None:
        raise Fail(f"unknown user/group {words[0]}")
    return await become(
        proc, words[1:], env={**proc.env, "UID": str(user.uid), "GID": str(user.gid)}
    )


@program("R", "PERSONALITY [-R] PROG ARGS", "Run PROG under a personality", permute=False)
async def setarch(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program; on the one architecture that there is, its personality shows nowhere."""
    name = proc.argv[0].rsplit("/", 1)[-1]
    if name == "setarch":
        if words[:1] not in (["linux32"], ["linux64"]):
            raise Fail(f"unknown personality '{words[0] if words else ''}'")
        name, words = words[0], words[1:]
    if name == "linux32":
        raise Fail("there is no 32-bit personality in containers of the embedded engine")
    return await become(proc, words or ["/bin/sh"])
