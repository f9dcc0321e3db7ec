"""Owners and modes as containers see them, kept beside files that the host cannot give away.

The engine runs without privilege, so every file that a container makes belongs on the host to the
user who runs the engine, as with rootless Docker. That user is root (0) inside the container.
Anything else (``chown redis``, a file made by uid 1000, a set-uid bit, a mode without permissions
for the owner) is recorded here, by inode number, and shown instead of the host's facts.

The table is a log of JSON lines beside the tree, one array ``[ino, uid, gid, mode, real_mode]``
each, ``[ino]`` for a record that went. A line is one ``write``: a killed engine loses nothing, a
torn last line is ignored. The log is rewritten, atomically, when most of it is outdated.
"""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

from course_lib.engine.errdefs import SystemFailure

_COMPACT_FROM = 256
"""Outdated lines that are worth a rewrite."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What to show for a file.

    :param mode: permission bits to show, and
    :param real_mode: the bits on the host when that was recorded: where the host's user has
        changed them since, theirs count.
    """

    uid: int
    gid: int
    mode: int
    real_mode: int


class OwnerTable:
    """Records by inode number.

    :param path: the log file; ``None`` keeps the table in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._records: dict[int, Owner] | None = None if path else {}
        self._lines = 0

    def get(self, ino: int) -> Owner | None:
        records = self._records
        if records is None:
            records = self._load()
        return records.get(ino) if records else None

    def set(self, ino: int, owner: Owner) -> None:
        records = self._load() if self._records is None else self._records
        if records.get(ino) == owner:
            return
        records[ino] = owner
        self._append([ino, owner.uid, owner.gid, owner.mode, owner.real_mode])

    def drop(self, ino: int) -> None:
        records = self._load() if self._records is None else self._records
        if records.pop(ino, None) is not None:
            self._append([ino])

    def _load(self) -> dict[int, Owner]:
        records: dict[int, Owner] = {}
        self._lines = 0
        self._records = records
        if self._path is None:
            return records
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return records
        complete, _, torn = raw.rpartition(b"\n")
        for line in complete.splitlines():
            self._lines += 1
            try:
                fields = [int(value) for value in json.loads(line)]
            except (ValueError, TypeError):
                fields = []
            if len(fields) == 5:
                records[fields[0]] = Owner(*fields[1:])
            elif len(fields) == 1:
                records.pop(fields[0], None)
            else:
                self._records = None
                raise SystemFailure(f"{self._path}: line {self._lines} is no record of an owner")
        if torn:
            self._rewrite()
        return records

    def _append(self, fields: list[int]) -> None:
        if self._path is None:
            return
        self._lines += 1
        if self._lines > _COMPACT_FROM + 2 * len(self._records or ()):
            self._rewrite()
            return
        line = json.dumps(fields).encode() + b"\n"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        try:
            written = os.write(fd, line)
            if written < len(line):  # the disk is full: half a line would spoil the next one
                os.ftruncate(fd, os.fstat(fd).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(fd)

    def _rewrite(self) -> None:
        assert self._path is not None
        records = self._records or {}
        text = "".join(
            json.dumps([ino, owner.uid, owner.gid, owner.mode, owner.real_mode]) + "\n"
            for ino, owner in records.items()
        )
        fresh = self._path.with_name(self._path.name + ".new")
        fresh.write_text(text)
        fresh.replace(self._path)
        self._lines = len(records)
