"""Durable records: one small JSON file per object, replaced by an atomic rename.

A record is a JSON object under a *kind* (``networks``, ``containers`` …) and an *id*. The files
lie at ``ROOT/records/KIND/NAME.json``; ``ROOT/format.json`` says which layout that is, so that
a directory of a newer release is refused instead of misread.

There is no ``fsync``: what was written survives the death of the process at any moment, because
the kernel holds it, and that is what is promised. A power cut is not covered; the price would
be several milliseconds for every container that is started.
"""

from __future__ import annotations

import hashlib
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

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}")


class StateError(SystemFailure):
    """The state directory cannot be used; the message names the file and says why."""


class Store:
    """Records under one directory.

    :param root: the engine's state directory; made with mode 0700 if it is missing.
    :raises StateError: it belongs to a newer release, or is not a state directory.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._records = root / "records"
        self._folders: set[str] = set()
        self._check_format()

    @property
    def root(self) -> Path:
        """The state directory itself."""
        return self._root

    def read(self, kind: str, record_id: str) -> Record:
        """The record with that id.

        :raises KeyError: there is none.
        :raises StateError: its file cannot be read or is not a record.
        """
        path = self._path(kind, record_id)
        try:
            return _load(path)[1]
        except FileNotFoundError:
            raise KeyError(record_id) from None

    def write(self, kind: str, record_id: str, record: Mapping[str, Any]) -> None:
        """Keep a record, in place of an older one with that id."""
        folder = self._records / kind
        if kind not in self._folders:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folders.add(kind)
        text = json.dumps({"id": record_id, "record": record}, separators=(",", ":"))
        _replace(self._path(kind, record_id), text)

    def delete(self, kind: str, record_id: str) -> None:
        """Forget a record; one that does not exist is no error."""
        self._path(kind, record_id).unlink(missing_ok=True)

    def all(self, kind: str) -> dict[str, Record]:
        """All records of a kind by id.

        :raises StateError: one of the files cannot be read; nothing is skipped silently.
        """
        folder = self._records / kind
        if not folder.is_dir():
            return {}
        found: dict[str, Record] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix == ".json":
                record_id, record = _load(path)
                found[record_id] = record
            elif path.suffix == ".tmp":  # left by a process that died between write and rename
                path.unlink(missing_ok=True)
        return found

    def _path(self, kind: str, record_id: str) -> Path:
        name = record_id
        if not _PLAIN_NAME.fullmatch(name):  # names too long or strange for every file system
            name = "sha256-" + hashlib.sha256(os.fsencode(record_id)).hexdigest()
        return self._records / kind / f"{name}.json"

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
                if entry.name not in {"engine.lock", "engine.log"}
            )
            if strangers:
                raise StateError(
                    f"{self._root}: not empty and not the state directory of an embedded engine "
                    f"(it holds {strangers[0]!r} and no format.json)"
                )
            _replace(path, json.dumps({"format": FORMAT}))
        except OSError as error:
            raise StateError(f"{self._root}: cannot be used: {_reason(error)}") from None


def _load(path: Path) -> tuple[str, Record]:
    try:
        data = json.loads(path.read_bytes())
        record_id, record = data["id"], data["record"]
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {_reason(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise StateError(f"{path}: not a readable record") from None
    if not isinstance(record_id, str) or not isinstance(record, dict):
        raise StateError(f"{path}: not a readable record")
    return record_id, record


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        with open(temporary, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StateError(f"{path}: cannot be written: {_reason(error)}") from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
