"""Users and groups of a container: its ``/etc/passwd`` and ``/etc/group``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from course_lib.engine.interfaces import FileSystem

MAX_ID = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class User:
    """An entry of ``/etc/passwd``."""

    name: str
    uid: int
    gid: int
    gecos: str = ""
    home: str = "/"
    shell: str = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Group:
    """An entry of ``/etc/group``."""

    name: str
    gid: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who a process runs as."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def _content(fs: FileSystem, path: str) -> bytes:
    try:
        return fs.read_bytes(path)
    except OSError:
        return b""


def _lines(content: bytes) -> list[list[str]]:
    text = content.decode(errors="surrogateescape")
    return [
        line.split(":") for line in text.splitlines() if line.strip() and not line.startswith("#")
    ]


def users(fs: FileSystem) -> tuple[User, ...]:
    """All well-formed lines of ``/etc/passwd``, in order."""
    return _users(_content(fs, "/etc/passwd"))


@lru_cache(maxsize=32)  # most containers have the file of their image
def _users(content: bytes) -> tuple[User, ...]:
    found = []
    for fields in _lines(content):
        if len(fields) >= 4 and fields[2].isdigit() and fields[3].isdigit():
            gecos, home, shell = [*fields[4:], "", "", ""][:3]
            found.append(
                User(
                    fields[0], int(fields[2]), int(fields[3]), gecos, home or "/",
                    shell or "/bin/sh",
                )
            )  # fmt: skip
    return tuple(found)


def groups(fs: FileSystem) -> tuple[Group, ...]:
    """All well-formed lines of ``/etc/group``, in order."""
    return _groups(_content(fs, "/etc/group"))


@lru_cache(maxsize=32)
def _groups(content: bytes) -> tuple[Group, ...]:
    found = []
    for fields in _lines(content):
        if len(fields) >= 3 and fields[2].isdigit():
            members = tuple(m for m in (fields[3] if len(fields) > 3 else "").split(",") if m)
            found.append(Group(fields[0], int(fields[2]), members))
    return tuple(found)


def user_by_name(fs: FileSystem, name: str) -> User | None:
    """The user called ``name``, or None."""
    return next((user for user in users(fs) if user.name == name), None)


def user_by_id(fs: FileSystem, uid: int) -> User | None:
    """The first user with that id, or None."""
    return next((user for user in users(fs) if user.uid == uid), None)


def group_by_name(fs: FileSystem, name: str) -> Group | None:
    """The group called ``name``, or None."""
    return next((group for group in groups(fs) if group.name == name), None)


def group_by_id(fs: FileSystem, gid: int) -> Group | None:
    """The first group with that id, or None."""
    return next((group for group in groups(fs) if group.gid == gid), None)


def user_name(fs: FileSystem, uid: int) -> str:
    """Name of a user id, the number itself where nobody has it."""
    user = user_by_id(fs, uid)
    return user.name if user else str(uid)


def group_name(fs: FileSystem, gid: int) -> str:
    """Name of a group id, the number itself where there is none."""
    group = group_by_id(fs, gid)
    return group.name if group else str(gid)


def credentials(fs: FileSystem, spec: str, further: Sequence[str] = ()) -> Credentials:
    """Who ``docker run --user SPEC`` means, with the groups of ``--group-add``.

    Follows ``GetExecUser`` of Moby's ``sys/user``: names are looked up, numbers need no entry;
    a user's supplementary groups count only where no group is given. The kernel keeps groups
    sorted.

    :raises KeyError: unknown name, with the text that dockerd shows.
    """
    user_part, _, group_part = spec.partition(":")
    user_part = user_part or "0"
    known = users(fs)
    user = next((one for one in known if one.name == user_part), None)
    if user is None and user_part.isdigit():
        user = next((one for one in known if one.uid == int(user_part)), None)
    if user is not None:
        uid, gid, home = user.uid, user.gid, user.home
    elif user_part.isdigit():
        uid, gid, home = int(user_part), 0, "/"
        if uid > MAX_ID:
            raise KeyError(f"uids and gids must be in range 0-{MAX_ID}")
    else:
        raise KeyError(f"unable to find user {user_part}: no matching entries in passwd file")
    if group_part:
        group = group_by_name(fs, group_part)
        if group is not None:
            gid = group.gid
        elif group_part.isdigit():
            gid = int(group_part)
        else:
            raise KeyError(f"unable to find group {group_part}: no matching entries in group file")
        return Credentials(uid, gid, tuple(sorted(_group_ids(fs, further))), home)
    name = user.name if user else None
    extra = tuple(group.gid for group in groups(fs) if name is not None and name in group.members)
    return Credentials(uid, gid, tuple(sorted((*extra, *_group_ids(fs, further)))), home)


def _group_ids(fs: FileSystem, names: Sequence[str]) -> tuple[int, ...]:
    found = []
    for name in names:
        group = group_by_name(fs, name)
        if group is None and not name.isdigit():
            raise KeyError(f"Unable to find group {name}: no matching entries in group file")
        found.append(group.gid if group is not None else int(name))
    return tuple(found)
