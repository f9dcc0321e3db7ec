"""Programs about users: who one is, and becoming another one."""

from __future__ import annotations

from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import Fail, Options, UsageError, program, reason
from course_lib.engine.userland.process import ContainerProcess


@program(
    "ugGnr",
    "[-ugGnr] [USER]",
    "Print information about USER or the current user",
    long={"user": "u", "group": "g", "groups": "G", "name": "n", "real": "r"},
    most=1,
    name="id",
)
async def id_(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print user and group ids."""
    fs = proc.machine.fs
    if ("n" in options or "r" in options) and not any(kind in options for kind in "ugG"):
        raise UsageError
    if words:
        user = users.user_by_name(fs, words[0])
        if user is None and words[0].isdigit():
            user = users.user_by_id(fs, int(words[0]))
        if user is None:
            raise Fail(f"unknown user {words[0]}")
        uid, gid = user.uid, user.gid
        extra = [g.gid for g in users.groups(fs) if user.name in g.members]
    else:
        uid, gid, extra = proc.uid, proc.gid, list(proc.groups)
    everything = [gid, *[g for g in extra if g != gid]]
    named = "n" in options
    if "u" in options:
        await proc.out(f"{users.user_name(fs, uid) if named else uid}\n")
    elif "g" in options:
        await proc.out(f"{users.group_name(fs, gid) if named else gid}\n")
    elif "G" in options:
        shown = [users.group_name(fs, g) if named else str(g) for g in everything]
        await proc.out(" ".join(shown) + "\n")
    else:
        user_entry, group_entry = users.user_by_id(fs, uid), users.group_by_id(fs, gid)
        text = f"uid={uid}{_in_brackets(user_entry)} gid={gid}{_in_brackets(group_entry)}"
        # Docker makes the primary group a supplementary one too, so there is always a list, which
        # the kernel keeps sorted.
        listed = everything if words else sorted(everything)
        shown = [f"{g}{_in_brackets(users.group_by_id(fs, g))}" for g in listed]
        await proc.out(f"{text} groups={','.join(shown)}\n")
    return 0


def _in_brackets(entry: users.User | users.Group | None) -> str:
    return f"({entry.name})" if entry else ""


@program("", "", "Print the user name associated with the current effective user id", most=0)
async def whoami(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the user's name."""
    user = users.user_by_id(proc.machine.fs, proc.uid)
    if user is None:
        raise Fail(f"unknown uid {proc.uid}")
    await proc.out(f"{user.name}\n")
    return 0


@program("", "", "Print the name of the current user", most=0)
async def logname(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nobody logs in to a container."""
    raise Fail("getlogin: No such device or address")


@program("", "[USER]", "Print the groups USER is in", most=1)
async def groups(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print the names of a user's groups."""
    fs = proc.machine.fs
    ids = [proc.gid, *[g for g in proc.groups if g != proc.gid]]
    if words:
        user = users.user_by_name(fs, words[0])
        if user is None:
            raise Fail(f"unknown user {words[0]}")
        ids = [user.gid, *[g.gid for g in users.groups(fs) if words[0] in g.members]]
    status = 0
    for gid in dict.fromkeys(ids):
        if users.group_by_id(fs, gid) is None:
            await proc.err(f"groups: unknown ID {gid}\n")
            status = 1
    await proc.out(" ".join(users.group_name(fs, gid) for gid in dict.fromkeys(ids)) + "\n")
    return status


@program("aH", "[-a]", "Show who is logged on")
async def who(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nobody is logged in to a container."""
    return 0


@program(
    "lmpc:s:",
    "[-lmp] [-s SH] [-] [USER [FILE ARGS]]",
    "Run shell under USER (by default, root)",
)
async def su(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Become another user; only root may, as images here have no setuid programs."""
    login = "l" in options
    if words[:1] == ["-"]:
        login, words = True, words[1:]
    name = words[0] if words else "root"
    user = users.user_by_name(proc.machine.fs, name)
    if user is None:
        raise Fail(f"unknown user {name}")
    if proc.uid != 0:
        raise Fail("must be suid to work properly")
    environment = dict(proc.env)
    if login:
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        if "TERM" in proc.env:
            environment["TERM"] = proc.env["TERM"]
    if "m" not in options and "p" not in options:
        environment.update(HOME=user.home, SHELL=user.shell, USER=user.name, LOGNAME=user.name)
    shell = options.get("s", user.shell or "/bin/sh")
    arguments = [("-" if login else "") + shell.rsplit("/", 1)[-1]]
    if "c" in options:
        arguments += ["-c", options["c"]]
    fs = proc.machine.fs
    proc.uid, proc.gid = user.uid, user.gid
    proc.groups = tuple(g.gid for g in users.groups(fs) if user.name in g.members)
    if login:
        proc.cwd = user.home
    try:
        await proc.execute([*arguments, *words[1:]], env=environment, path=shell)
    except OSError as error:
        raise Fail(f"can't execute '{shell}': {reason(error)}") from None
