"""A picture that follows the engine: looked at anew whenever an event says that something changed.

Two threads: one reads events, one draws. Events that come together are drawn together; where
nothing that the picture shows has changed, it stays. Both end with the kernel, with
:meth:`Following.stop`, or with the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from course_lib import inside
from course_lib.recorder import hang_up
from course_lib.topology import Topology

QUIET_SECONDS = 0.15
"""No event for so long, and what a command did is complete."""
MOST_WAITS = 8
"""For quiet: an engine that is never quiet is drawn all the same."""

ACTIONS: Mapping[str, frozenset[str]] = {
    "container": frozenset(
        "create start die destroy rename pause unpause exec_die extract-to-dir".split()
    ),
    "network": frozenset("create connect disconnect destroy remove".split()),
    # Reading a volume's files mounts it: to follow that would be to follow oneself.
    "volume": frozenset("create destroy".split()),
}
"""What may change a picture. An exec that ended may have written files."""


class Screen(Protocol):
    """Where the picture is shown."""

    def show(self, before: Topology | None, now: Topology) -> None:
        """Show ``now``; what differs from ``before`` is marked."""

    def ended(self, reason: str) -> None:
        """Nothing follows any more; ``reason`` is empty where it was asked for."""


def matters(event: Mapping[str, Any]) -> bool:
    """Whether a picture may look different after an event."""
    kind, action = str(event.get("Type")), str(event.get("Action")).partition(":")[0]
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    return action in ACTIONS.get(kind, ()) and inside.LABEL not in attributes


class Following:
    """Follows an engine from :meth:`start` until it is stopped or the engine is gone.

    :param connect: makes a client of the Docker SDK for these threads alone.
    :param look: what is there now, by that client, given what was there before.
    """

    def __init__(
        self,
        connect: Callable[[], Any],
        look: Callable[[Any, Topology | None], Topology],
        screen: Screen,
    ) -> None:
        self._connect = connect
        self._look = look
        self._screen = screen
        self._wake = threading.Condition()
        self._news = 0
        self._ends: str | None = None
        self._stream: Any = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Show the first picture, then follow.

        :raises docker.errors.DockerException: where the engine does not answer.
        """
        client = self._connect()
        # First listen, then look: what comes in between is drawn a second time at worst.
        self._stream = client.events(filters={"type": list(ACTIONS)}, decode=True)
        now = self._look(client, None)
        self._screen.show(None, now)
        self._threads = [
            threading.Thread(
                target=self._read, args=(self._stream,), name="course-live-events", daemon=True
            ),
            threading.Thread(
                target=self._draw, args=(client, now), name="course-live-draw", daemon=True
            ),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait for it; to be called from any other thread, more than once if need be."""
        self._end("")
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)

    @property
    def running(self) -> bool:
        """Whether pictures still follow."""
        return any(thread.is_alive() for thread in self._threads)

    def _end(self, reason: str) -> None:
        with self._wake:
            if self._ends is None:
                self._ends = reason
            self._wake.notify_all()
            stream, self._stream = self._stream, None
        if stream is not None:
            hang_up(stream)

    def _read(self, stream: Any) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            for event in stream:
                if matters(event):
                    with self._wake:
                        self._news += 1
                        self._wake.notify_all()
        except (DockerException, RequestException, OSError, ValueError, AttributeError):
            # Closed by us, from another thread in the midst of a read, or broken off.
            pass
        finally:
            self._end("the engine is gone")

    def _draw(self, client: Any, now: Topology) -> None:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            while self._wait():
                found = self._look(client, now)
                if found != now:
                    self._screen.show(now, found)
                    now = found
        except (DockerException, RequestException):
            self._end("the engine does not answer")
        finally:
            self._end("it broke")
            self._screen.ended(self._ends or "")
            client.close()

    def _wait(self) -> bool:
        """Until there is news, and then quiet; False once it is to end."""
        with self._wake:
            self._wake.wait_for(lambda: self._news or self._ends is not None)
            for _ in range(MOST_WAITS):
                self._news = 0
                if not self._wake.wait_for(
                    lambda: self._news or self._ends is not None, QUIET_SECONDS
                ):
                    break
            self._news = 0
            return self._ends is None
