"""Keeping the engine's events from the start of a lesson on.

dockerd remembers the last 256 events alone (``daemon/events`` of Moby), and a busy machine is
through with them in a minute. A lesson whose checks ask what happened (``events = true`` in
``course.toml``) therefore writes them down as they come.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

TYPES = ("container", "network", "volume", "image")


class EventRecorder:
    """Follows the event stream of an engine in a thread of its own.

    :param connect: makes a client of the Docker SDK for the recorder alone.
    :param keep: called with each event, in that thread.
    """

    def __init__(self, connect: Callable[[], Any], keep: Callable[[Mapping[str, Any]], None]):
        self._connect = connect
        self._keep = keep
        self._stream: Any = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.broken = False
        """Whether the engine ended the stream: what happened after that is not known."""

    def start(self, since: int) -> None:
        """Begin with the events since that time, in whole seconds since the epoch."""
        client = self._connect()
        self._stream = client.events(since=since, filters={"type": list(TYPES)}, decode=True)
        self._thread = threading.Thread(target=self._copy, args=(client,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the recording and wait for its last event."""
        self._stopping = True
        if self._stream is not None:
            hang_up(self._stream)
        if self._thread is not None:
            self._thread.join(5)
        self._stream = self._thread = None

    def _copy(self, client: Any) -> None:
        from docker.errors import DockerException

        try:
            for event in self._stream:
                self._keep(event)
        except (DockerException, OSError, ValueError):
            # The stream was closed, or the engine is gone: what was kept stays.
            return
        finally:
            self.broken = not self._stopping
            client.close()


def hang_up(stream: Any) -> None:
    """End a stream of the SDK, which shuts its socket down first; an engine that is gone has."""
    try:
        stream.close()
    except OSError:
        stream._response.close()


class EventFile:
    """Keeps events in a file, one JSON object a line; begins it anew."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        self._path = path

    def keep(self, event: Mapping[str, Any]) -> None:
        """Add one, as one step."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(event) + "\n")


def read_events(path: Path) -> Iterator[Mapping[str, Any]]:
    """The recorded events, oldest first; a last line cut short by a crash is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
