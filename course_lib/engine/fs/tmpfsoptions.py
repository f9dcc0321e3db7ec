"""Options of a tmpfs, as the kernel reads and shows them (Linux: ``mm/shmem.c``).

What is wrong with a value is known once the file system is mounted: ``EINVAL``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.engine.fs.inode import os_error
from course_lib.engine.fs.tmpfs import PAGE, TmpTree, host_memory

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock

CONTAINER_FLAGS = ("nosuid", "nodev", "noexec")
"""What dockerd adds to a tmpfs of a container."""

# In the order of /proc/mounts. A flag, and what takes it away again.
_FLAGS = {
    "sync": ("async",),
    "dirsync": (),
    "nosuid": ("suid",),
    "nodev": ("dev",),
    "noexec": ("exec",),
    "noatime": ("atime", "relatime", "strictatime"),
    "nodiratime": ("diratime",),
    "relatime": ("noatime", "norelatime", "strictatime"),
}
_OPPOSITES = {"ro", "rw", "defaults", "nostrictatime"} | {
    word for words in _FLAGS.values() for word in words
}
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)([kmgtpe]?)", re.IGNORECASE)
_UNITS = "kmgtpe"
_POLICIES = ("default", "prefer", "bind", "interleave", "local")


@dataclass(frozen=True, slots=True)
class TmpfsOptions:
    """What a tmpfs is to be.

    :param size: bytes, a multiple of the page; None for the default; 0 for no limit.
    :param inodes: most files, the topmost directory included; None for no limit that matters.
    :param flags: of the mount, in the order of ``/proc/mounts``.
    """

    size: int | None = None
    inodes: int | None = None
    mode: int = 0o1777
    uid: int = 0
    gid: int = 0
    policy: str = ""
    flags: tuple[str, ...] = ("relatime",)
    read_only: bool = False

    @classmethod
    def read(cls, options: Mapping[str, str], flags: Iterable[str] = ()) -> TmpfsOptions:
        """Read options by name; those without a value have an empty one.

        :param flags: what holds where nothing else is said.
        :raises OSError: ``EINVAL`` for a name or a value that the kernel does not take.
        """
        found = {*flags, "relatime"}
        values: dict[str, int] = {}
        policy, read_only = "", False
        for name, text in options.items():
            if name in _FLAGS or name in _OPPOSITES:
                found -= {flag for flag, against in _FLAGS.items() if name in against}
                found |= {name} & _FLAGS.keys()
                read_only = name == "ro" or (read_only and name != "rw")
            elif name == "mpol":
                policy = _policy(text)
            else:
                values |= _value(name, text)
        ordered = tuple(flag for flag in _FLAGS if flag in found)
        return cls(**values, policy=policy, flags=ordered, read_only=read_only)

    def shown(self) -> str:
        """As in ``/proc/mounts``, but for ``rw`` or ``ro``: defaults are not shown."""
        parts = list(self.flags)
        if self.size is not None:
            parts.append(f"size={self.size >> 10}k")
        if self.inodes is not None:
            parts.append(f"nr_inodes={self.inodes}")
        if self.mode != 0o1777:
            parts.append(f"mode={self.mode:o}")
        parts += [
            f"{name}={value}" for name, value in (("uid", self.uid), ("gid", self.gid)) if value
        ]
        if self.policy:
            parts.append(f"mpol={self.policy}")
        return ",".join(parts)

    def tree(self, clock: Clock, device: int) -> TmpTree:
        """The file system itself."""
        return TmpTree(
            clock,
            size=self.size or None,
            inodes=self.inodes or None,
            mode=self.mode,
            uid=self.uid,
            gid=self.gid,
            device=device,
        )


def _value(name: str, text: str) -> dict[str, int]:
    match name:
        case "size" if text.endswith("%"):
            size = host_memory() * _number(text[:-1], units=False) // 100
            return {"size": -(-size // PAGE) * PAGE}
        case "size":
            return {"size": -(-_number(text) // PAGE) * PAGE}
        case "nr_blocks":
            return {"size": _number(text) * PAGE}
        case "nr_inodes":
            return {"inodes": _number(text)}
        case "mode":
            if not re.fullmatch("[0-7]+", text):
                raise os_error(errno.EINVAL)
            return {"mode": int(text, 8) & 0o7777}
        case "uid" | "gid":
            number = _number(text, units=False)
            if number >= 0xFFFFFFFF:
                raise os_error(errno.EINVAL)
            return {name: number}
    raise os_error(errno.EINVAL)


def _number(text: str, *, units: bool = True) -> int:
    """A number in C's notation, with a unit (``memparse``)."""
    match = _NUMBER.fullmatch(text)
    if match is None or (match[2] and not units):
        raise os_error(errno.EINVAL)
    digits = match[1].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    try:
        number = int(digits, base)
    except ValueError:
        raise os_error(errno.EINVAL) from None
    return number << 10 * (_UNITS.index(match[2].lower()) + 1) if match[2] else number


def _policy(text: str) -> str:
    policy = re.split("[:=]", text)[0]
    if policy not in _POLICIES:
        raise os_error(errno.EINVAL)
    return "" if policy == "default" else text
