"""The lines that Redis logs, in the forms of its versions."""

from __future__ import annotations

from datetime import UTC, datetime

from course_lib.engine.interfaces import Process


class Journal:
    """Writes the log to standard output."""

    def __init__(self, proc: Process, release: tuple[int, int]) -> None:
        self._proc = proc
        self._release = release

    async def note(self, message: str, level: str = "*", role: str = "M") -> None:
        """One line. ``level``: ``*`` notice, ``#`` warning; ``role``: ``M`` master, ``C`` start."""
        now = datetime.fromtimestamp(self._proc.machine.clock.time_ns() / 1e9, UTC)
        thousandths = f"{now.microsecond // 1000:03}"
        # Older releases left the year out, the oldest had no role.
        stamp = now.strftime("%d %b %H:%M:%S" if self._release < (4, 0) else "%d %b %Y %H:%M:%S")
        who = f"{self._proc.pid}:{role}"
        if self._release < (3, 0):
            who = f"[{self._proc.pid}]"
        await self._proc.out(f"{who} {stamp}.{thousandths} {level} {message}\n")

    async def starting(self, version: str, configured: bool) -> None:
        """What is logged before anything else."""
        if self._release >= (4, 0):
            await self.note("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", role="C")
            await self.note(
                f"Redis version={version}, bits=64, commit=00000000, modified=0, "
                f"pid={self._proc.pid}, just started", role="C",
            )  # fmt: skip
        if configured:
            if self._release >= (4, 0):
                await self.note("Configuration loaded", role="C")
            return
        await self.note(
            "Warning: no config file specified, using the default config. In order to specify a "
            "config file use redis-server /path/to/redis.conf", "#", role="C",
        )  # fmt: skip

    async def serving(
        self, version: str, port: int, loaded: float | None, *, append_only: bool = False
    ) -> None:
        """What is logged once clients may come.

        :param loaded: seconds that the data took.
        :param append_only: they were in an append only file, not in a dump.
        """
        if self._release >= (4, 0):
            await self.note(f"Running mode=standalone, port={port}.")
            await self.note("Server initialized")
        else:
            await self.note(f"Server started, Redis version {version}", "#")
        if loaded is not None:
            where = "append only file" if append_only else "disk"
            await self.note(f"DB loaded from {where}: {loaded:.3f} seconds")
        if self._release >= (7, 0):
            await self.note("Ready to accept connections tcp")
        elif self._release >= (4, 0):
            await self.note("Ready to accept connections")
        else:
            await self.note(f"The server is now ready to accept connections on port {port}")
