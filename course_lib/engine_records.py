"""Which state belongs to which socket, kept where every program of the user finds it."""

from __future__ import annotations

import json
from pathlib import Path

from course_lib import places
from course_lib.engine_probe import Answer, ask_socket
from course_lib.files import write_whole


def beside(records: Path, socket: Path, suffix: str) -> Path:
    """The file of that kind about the engine at a socket."""
    return records / f"{places.digest(socket)}.{suffix}"


def write(records: Path, socket: Path, state: Path) -> None:
    """Note that the engine at this socket keeps this state."""
    record = {"socket": str(socket), "state": str(state)}
    write_whole(beside(records, socket, "json"), json.dumps(record).encode())


def state_of(records: Path, socket: Path) -> Path | None:
    """The state of the engine that was last started at a socket."""
    record = _read(beside(records, socket, "json"))
    return record[1] if record else None


def answering_for(records: Path, state: Path) -> Path | None:
    """The socket at which an engine with this state answers, if one was started for it."""
    for path in records.glob("*.json"):
        record = _read(path)
        if record and record[1] == state:
            found = ask_socket(record[0])
            if isinstance(found, Answer) and found.kind == "embedded":
                return record[0]
    return None


def _read(path: Path) -> tuple[Path, Path] | None:
    try:
        record = json.loads(path.read_text())
        return Path(record["socket"]), Path(record["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
