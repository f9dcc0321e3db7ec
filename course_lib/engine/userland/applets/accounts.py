"""Programs that change the container's users and groups."""

from __future__ import annotations

from course_lib.engine.userland import users
from course_lib.engine.userland.applets.common import Fail, Options, integer, program, reason
from course_lib.engine.userland.applets.files import exists, make_parents
from course_lib.engine.userland.process import ContainerProcess

_FIRST, _LAST = 1000, 60000
_FIRST_SYSTEM, _LAST_SYSTEM = 100, 999


def _append(proc: ContainerProcess, path: str, line: str) -> None:
    """Add a line to one of the files in /etc."""
    try:
        text = proc.fs.read_bytes(path).decode("utf-8", "surrogateescape")
        if text and not text.endswith("\n"):
            text += "\n"
        mode = proc.fs.stat(path).mode & 0o777
        proc.fs.write_bytes(path, (text + line).encode("utf-8", "surrogateescape"), mode)
    except OSError as error:
        raise Fail(f"{path}: {reason(error)}") from None


def _rewrite(proc: ContainerProcess, path: str, lines: list[str]) -> None:
    try:
        mode = proc.fs.stat(path).mode & 0o777
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        proc.fs.write_bytes(path, data, mode)
    except OSError as error:
        raise Fail(f"{path}: {reason(error)}") from None


def _lines(proc: ContainerProcess, path: str) -> list[str]:
    try:
        return proc.fs.read_bytes(path).decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []


def _free(taken: set[int], system: bool) -> int:
    first, last = (_FIRST_SYSTEM, _LAST_SYSTEM) if system else (_FIRST, _LAST)
    found = next((number for number in range(first, last + 1) if number not in taken), None)
    if found is None:
        raise Fail("no ids left")
    return found


def _root_only(proc: ContainerProcess) -> None:
    if proc.uid != 0:
        raise Fail("must be superuser")


_ADDUSER = {
    "home=": "h", "gecos=": "g", "shell=": "s", "ingroup=": "G", "system": "S",
    "disabled-password": "D", "empty-password": "D", "no-create-home": "H", "uid=": "u",
}  # fmt: skip


@program(
    "h:g:s:G:SDHu:k:",
    "[OPTIONS] USER [GROUP]",
    "Create new user, or add USER to GROUP",
    long=_ADDUSER,
    least=1,
    most=2,
)
async def adduser(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Add a user; without ``-D`` no password is asked for, as none can be used here."""
    _root_only(proc)
    if len(words) == 2:
        return _join_group(proc, words[0], words[1])
    name = words[0]
    fs = proc.machine.fs
    known = users.users(fs)
    if any(user.name == name for user in known):
        raise Fail(f"user '{name}' in use")
    taken = {user.uid for user in known}
    system = "S" in options
    uid = integer(options["u"], low=0) if "u" in options else _free(taken, system)
    if uid in taken:
        raise Fail(f"uid '{uid}' in use")
    if "G" in options:
        group = users.group_by_name(fs, options["G"])
        if group is None:
            raise Fail(f"unknown group {options['G']}")
        gid = group.gid
    elif system:
        gid = 65533 if users.group_by_id(fs, 65533) else 0
    else:
        gid = uid
        _append(proc, "/etc/group", f"{name}:x:{gid}:\n")
    home = options.get("h", f"/home/{name}")
    shell = options.get("s", "/bin/false" if system else "/bin/sh")
    gecos = options.get("g", "Linux User,,,")
    _append(proc, "/etc/passwd", f"{name}:x:{uid}:{gid}:{gecos}:{home}:{shell}\n")
    if exists(proc, "/etc/shadow"):
        _append(proc, "/etc/shadow", f"{name}:!:{_today(proc)}:0:99999:7:::\n")
    if "H" not in options and not exists(proc, home):
        make_parents(proc, home, 0o755)
        proc.fs.chown(home, uid, gid)
    return 0


def _today(proc: ContainerProcess) -> int:
    return proc.machine.clock.time_ns() // (86400 * 1_000_000_000)


def _join_group(proc: ContainerProcess, user: str, group: str) -> int:
    fs = proc.machine.fs
    if users.user_by_name(fs, user) is None:
        raise Fail(f"unknown user {user}")
    entry = users.group_by_name(fs, group)
    if entry is None:
        raise Fail(f"unknown group {group}")
    if user in entry.members:
        return 0
    lines = []
    for line in _lines(proc, "/etc/group"):
        fields = line.split(":")
        if fields[0] == group and len(fields) >= 3:
            members = ",".join([*entry.members, user])
            lines.append(":".join([*fields[:3], members]))
        else:
            lines.append(line)
    _rewrite(proc, "/etc/group", lines)
    return 0


@program(
    "g:S",
    "[-g GID] [-S] [USER] GROUP",
    "Add a group or add a user to a group",
    long={"gid=": "g", "system": "S"},
    least=1,
    most=2,
)
async def addgroup(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Add a group."""
    _root_only(proc)
    if len(words) == 2:
        return _join_group(proc, words[0], words[1])
    known = users.groups(proc.machine.fs)
    if any(group.name == words[0] for group in known):
        raise Fail(f"group '{words[0]}' in use")
    taken = {group.gid for group in known}
    gid = integer(options["g"], low=0) if "g" in options else _free(taken, "S" in options)
    if gid in taken:
        raise Fail(f"gid '{gid}' in use")
    _append(proc, "/etc/group", f"{words[0]}:x:{gid}:\n")
    return 0


@program("", "USER", "Delete USER from the system", long={"remove-home": "r"}, least=1, most=2)
async def deluser(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Remove a user, or a user from a group."""
    _root_only(proc)
    if len(words) == 2:
        return _leave_group(proc, words[0], words[1])
    name = words[0]
    user = users.user_by_name(proc.machine.fs, name)
    if user is None:
        raise Fail(f"unknown user {name}")
    for path in ("/etc/passwd", "/etc/shadow"):
        lines = _lines(proc, path)
        if lines:
            _rewrite(proc, path, [line for line in lines if line.split(":")[0] != name])
    group = users.group_by_name(proc.machine.fs, name)
    if group is not None and group.gid == user.gid:
        _drop_group(proc, name)
    if "r" in options:
        from course_lib.engine.userland.applets.removing import Remover

        await Remover(proc, True, True, False).remove(user.home)
    return 0


def _drop_group(proc: ContainerProcess, name: str) -> None:
    kept = [line for line in _lines(proc, "/etc/group") if line.split(":")[0] != name]
    _rewrite(proc, "/etc/group", kept)


def _leave_group(proc: ContainerProcess, user: str, group: str) -> int:
    entry = users.group_by_name(proc.machine.fs, group)
    if entry is None:
        raise Fail(f"unknown group {group}")
    lines = []
    for line in _lines(proc, "/etc/group"):
        fields = line.split(":")
        if fields[0] == group:
            members = ",".join(member for member in entry.members if member != user)
            lines.append(":".join([*fields[:3], members]))
        else:
            lines.append(line)
    _rewrite(proc, "/etc/group", lines)
    return 0


@program("", "[USER] GROUP", "Delete group GROUP or user USER from group GROUP", least=1, most=2)
async def delgroup(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Remove a group."""
    _root_only(proc)
    if len(words) == 2:
        return _leave_group(proc, words[0], words[1])
    group = users.group_by_name(proc.machine.fs, words[0])
    if group is None:
        raise Fail(f"unknown group {words[0]}")
    owner = next((u for u in users.users(proc.machine.fs) if u.gid == group.gid), None)
    if owner is not None:
        raise Fail(f"'{owner.name}' still has '{words[0]}' as their primary group!")
    _drop_group(proc, words[0])
    return 0


async def nologin(proc: ContainerProcess) -> int:
    """What users get who may not log in."""
    await proc.out("This account is not available\n")
    return 1
