"""Durable records: a journal per kind, one line for every change.

A record is a JSON object under a *kind* (``networks``, ``containers`` …) and an *id*. The journal
of a kind is ``ROOT/records/KIND.jsonl``; its last line about an id holds. To replace a file for
every change would cost a hundred times as much on ext4, and starting a container would be slow.
``ROOT/format.json`` says which layout that is, so that a directory of a newer release is refused
instead of misread.

A change is kept once the call returns: the line is in the kernel's hands and survives the death
of the process at any moment. A line without its end was being written when the process died; its
change was never acknowledged and is dropped. There is no ``fsync``: a power cut is not covered;
the price would be several milliseconds for every container that is started.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from course_lib.engine.errdefs import SystemFailure

FORMAT = 1
"""Layout of the state directory that this release reads and writes."""

Record = dict[str, Any]

_KIND = re.compile(r"[a-z][a-z0-9-]*")
_SLACK = 1024 * 1024
"""Bytes of outdated lines that a journal may hold, whatever else is in it."""


class StateError(SystemFailure):
    """The state directory cannot be used; the message names the file and says why."""


class Store:
    """Records under one directory.

    :param root: the engine's state directory; made with mode 0700 if it is missing.
    :raises StateError: it belongs to a newer release, or is not a state directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._journals: dict[str, _Journal] = {}
        self._check_format()

    @property
    def root(self) -> Path:
        """The state directory itself."""
        return self._root

    def read(self, kind: str, record_id: str) -> Record:
        """The record with that id.

        :raises KeyError: there is none.
        :raises StateError: the journal cannot be read.
        """
        return self._journal(kind).read(record_id)

    def write(self, kind: str, record_id: str, record: Mapping[str, Any]) -> None:
        """Keep a record, in place of an older one with that id.

        :raises StateError: the disk is full, or gone; the older record stays.
        """
        self._journal(kind).write(record_id, record)

    def delete(self, kind: str, record_id: str) -> None:
        """Forget a record; one that does not exist is no error."""
        self._journal(kind).write(record_id, None)

    def all(self, kind: str) -> dict[str, Record]:
        """All records of a kind by id, in the order in which they were last changed.

        :raises StateError: a line of the journal cannot be read; nothing is skipped silently.
        """
        return self._journal(kind).all()

    def close(self) -> None:
        """Give the descriptors back."""
        for journal in self._journals.values():
            journal.close()
        self._journals.clear()

    def _journal(self, kind: str) -> _Journal:
        journal = self._journals.get(kind)
        if journal is None:
            assert _KIND.fullmatch(kind), kind
            journal = self._journals[kind] = _Journal(self._root / "records" / f"{kind}.jsonl")
        return journal

    def _check_format(self) -> None:
        path = self._root / "format.json"
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._make(path)
            return
        except (OSError, UnicodeDecodeError) as error:
            raise StateError(f"{path}: cannot be read: {_reason(error)}") from None
        try:
            version = json.loads(text)["format"]
        except (ValueError, KeyError, TypeError):
            raise StateError(f"{path}: not the format file of an embedded engine") from None
        if not isinstance(version, int) or not 1 <= version <= FORMAT:
            raise StateError(
                f"{path}: state format {version!r} is not one that this release reads "
                f"(it reads up to {FORMAT}); use a newer release, or another state directory"
            )

    def _make(self, path: Path) -> None:
        try:
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            strangers = sorted(
                entry.name
                for entry in self._root.iterdir()
                if entry.name not in {"engine.lock", "engine.log", "format.tmp"}
            )
            if strangers:
                raise StateError(
                    f"{self._root}: not empty and not the state directory of an embedded engine "
                    f"(it holds {strangers[0]!r} and no format.json)"
                )
            _replace(path, json.dumps({"format": FORMAT}).encode())
        except OSError as error:
            raise StateError(f"{self._root}: cannot be used: {_reason(error)}") from None


class _Journal:
    """One kind's file. Lines are ``{"id": …, "record": …}``, the record ``null`` if deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size = 0
        self._live = 0
        self._where: dict[str, tuple[int, int]] = {}
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateError(f"{path}: cannot be read: {_reason(error)}") from None
        self._index(data)

    def _index(self, data: bytes) -> None:
        position = 0
        for number, line in enumerate(data.split(b"\n")[:-1], start=1):
            record_id, record = self._parse(line, f"line {number}")
            self._note(record_id, None if record is None else (position, len(line)))
            position += len(line) + 1
        self._size = position
        if position < len(data):  # the process died while it wrote the last line
            try:
                os.truncate(self._path, position)
            except OSError as error:
                raise StateError(f"{self._path}: cannot be mended: {_reason(error)}") from None

    def _parse(self, line: bytes, where: str) -> tuple[str, Record | None]:
        try:
            data = json.loads(line)
            record_id, record = data["id"], data["record"]
        except (ValueError, KeyError, TypeError):
            raise StateError(f"{self._path}: {where} is not a readable record") from None
        if not isinstance(record_id, str) or not isinstance(record, dict | None):
            raise StateError(f"{self._path}: {where} is not a readable record")
        return record_id, record

    def _note(self, record_id: str, place: tuple[int, int] | None) -> None:
        old = self._where.pop(record_id, None)
        if old is not None:
            self._live -= old[1] + 1
        if place is not None:
            self._where[record_id] = place
            self._live += place[1] + 1

    def read(self, record_id: str) -> Record:
        return self._at(*self._where[record_id])

    def all(self) -> dict[str, Record]:
        return {record_id: self._at(*place) for record_id, place in self._where.items()}

    def _at(self, offset: int, length: int) -> Record:
        try:
            line = os.pread(self._open(), length, offset)
        except OSError as error:
            raise StateError(f"{self._path}: cannot be read: {_reason(error)}") from None
        record = self._parse(line, f"the record at byte {offset}")[1]
        assert record is not None
        return record

    def write(self, record_id: str, record: Mapping[str, Any] | None) -> None:
        if record is None and record_id not in self._where:
            return
        text = json.dumps({"id": record_id, "record": record}, separators=(",", ":"))
        line = text.encode() + b"\n"
        try:
            file = self._open()
            if os.write(file, line) != len(line):
                os.ftruncate(file, self._size)
                raise StateError(f"{self._path}: cannot be written: no space left on device")
        except OSError as error:
            raise StateError(f"{self._path}: cannot be written: {_reason(error)}") from None
        self._note(record_id, None if record is None else (self._size, len(line) - 1))
        self._size += len(line)
        if self._size > _SLACK + 3 * self._live:
            self._compact()

    def _compact(self) -> None:
        """Write the journal anew, without what is outdated."""
        lines = []
        where: dict[str, tuple[int, int]] = {}
        position = 0
        file = self._open()
        for record_id, (offset, length) in self._where.items():
            lines.append(os.pread(file, length, offset) + b"\n")
            where[record_id] = (position, length)
            position += length + 1
        _replace(self._path, b"".join(lines))
        self.close()
        self._where, self._size, self._live = where, position, position

    def _open(self) -> int:
        if self._file < 0:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
        return self._file

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        with open(temporary, "wb", opener=_private) as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StateError(f"{path}: cannot be written: {_reason(error)}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
