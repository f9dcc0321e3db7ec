"""What a running server does for its append only file: each change, before it is answered."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Sequence
from typing import Any

from course_lib.engine.userland.servers.redis.appendonly import AppendFiles, Command
from course_lib.engine.userland.servers.redis.config import Config
from course_lib.engine.userland.servers.redis.dataset import (
    NO_KEY,
    Dataset,
    Session,
    entry_of,
    restoring,
)
from course_lib.engine.userland.servers.redis.journal import Journal
from course_lib.engine.userland.servers.redis.propagate import KeyState, propagated
from course_lib.engine.userland.servers.redis.rdb import Entry
from course_lib.engine.userland.servers.redis.resp import Failure, encode_command

_NEW_NAME = frozenset({b"rename", b"renamenx", b"copy"})


def commands_of(entries: Iterable[Entry]) -> Iterable[Command]:
    """The commands that make these entries, database by database."""
    database = -1
    for entry in entries:
        if entry.database != database:
            database = entry.database
            yield [b"SELECT", b"%d" % database]
        yield restoring(entry)
        if entry.expires_ms is not None:
            yield [b"PEXPIREAT", entry.key, b"%d" % entry.expires_ms]


class Recorder:
    """Appends what clients change.

    :param files: loaded and opened.
    """

    def __init__(self, files: AppendFiles, data: Dataset, config: Config, journal: Journal) -> None:
        self.files = files
        self._data = data
        self._config = config
        self._journal = journal
        self._database = -1
        # Keys with an end. A reader of the file lets none end: that one has, it has to be told.
        self._ends: list[tuple[int, int, bytes]] = []
        self._pending = b""
        self._writing = asyncio.Lock()
        self._views: dict[int, Session] = {}
        self.failed = ""

    async def _view(self, database: int) -> Session:
        """A look at the data that is no client's: theirs may be in a transaction."""
        view = self._views.get(database)
        if view is None:
            view = await self._data.session(database)
            await view.now_ms()  # connected from now on: its answers come at once
            self._views[database] = view
        return view

    async def start(self) -> None:
        """Look which keys end."""
        for entry in await self._data.entries():
            if entry.expires_ms is not None:
                self._ends.append((entry.expires_ms, entry.database, entry.key))
        heapq.heapify(self._ends)

    async def before(self, database: int) -> None:
        """A client is about to change something there: tell which keys have ended meanwhile."""
        view = await self._view(database)
        if not self._ends:
            return
        now = await view.now_ms()
        soon = []
        while self._ends and self._ends[0][0] <= now:
            end, database, key = heapq.heappop(self._ends)
            deadline = await (await self._view(database)).deadline(key)
            if deadline == NO_KEY:
                self._add(database, [[b"DEL", key]])
            elif deadline == end:
                soon.append((end, database, key))  # in the rest of this millisecond
        for one in soon:
            heapq.heappush(self._ends, one)

    async def after(self, session: Session, words: Sequence[bytes], reply: Any) -> None:
        """A client has changed something: it is in the file when this returns.

        :param session: in the database of the command.
        """
        if isinstance(reply, Failure):
            return
        if words[0].lower() == b"exec":
            await self._transaction(session, reply or [])
        else:
            self._add(session.database, await self._told(session.database, words, reply))
        await self.flush()

    async def _transaction(self, session: Session, replies: Sequence[Any]) -> None:
        from fakeredis.model import is_write_command

        told: list[Command] = []
        for words, reply in zip(session.executed, replies, strict=False):
            if is_write_command(words[0].lower()):
                told += await self._told(session.database, words, reply)
        if told:
            self._add(session.database, [[b"MULTI"], *told, [b"EXEC"]])

    async def _told(self, database: int, words: Sequence[bytes], reply: Any) -> list[Command]:
        view = await self._view(database)
        try:
            told = propagated(words, reply, await view.now_ms())
        except KeyState:
            return await self._state(view, words[1])
        if told and words[0].lower() in _NEW_NAME:
            told.append([b"PEXPIREAT", words[2], b"-1"])
        return [each for command in told if (each := await self._exact(view, command))]

    async def _exact(self, view: Session, words: Command) -> Command | None:
        """To the millisecond at which the key ends here, which the time since then has moved."""
        if words[0] != b"PEXPIREAT":
            return words
        deadline = await view.deadline(words[1])
        if deadline >= 0:
            return [*words[:2], b"%d" % deadline]
        return words if int(words[2]) >= 0 else None

    async def _state(self, view: Session, key: bytes) -> list[Command]:
        told: list[Command] = [[b"DEL", key]]
        if await view.call(b"EXISTS", key):
            # Without its first command, which chooses the database.
            told += list(commands_of([await entry_of(view, view.database, key)]))[1:]
        return told

    def _add(self, database: int, commands: Sequence[Command]) -> None:
        if commands and database != self._database:
            self._database = database
            commands = [[b"SELECT", b"%d" % database], *commands]
        for words in commands:
            if words[0] == b"PEXPIREAT":
                heapq.heappush(self._ends, (int(words[2]), database, bytes(words[1])))
            self._pending += encode_command(list(words))

    async def flush(self) -> bool:
        """Write what is not written yet; false where that fails. In the order of the changes."""
        async with self._writing:
            data, self._pending = self._pending, b""
            if not data:
                return True
            try:
                await self.files.append(data)
            except OSError as error:
                self._pending = data + self._pending
                if not self.failed:
                    await self._journal.note(
                        f"Error writing to the AOF file: {error.strerror}", "#"
                    )
                self.failed = error.strerror or "Unknown error"
                return False
            self.failed = ""
        percent, least = self._config.rewrite
        files = self.files
        if percent and files.size >= least:
            base = files.base_size or 1
            if (growth := files.size * 100 // base - 100) >= percent:
                await self._journal.note(f"Starting automatic rewriting of AOF on {growth}% growth")
                await self.rewrite()
        return True

    async def rewrite(self) -> str | None:
        """Write the file anew, as short as it can be; what went wrong, or None."""
        try:
            async with self._writing:
                # What is pending is in the data, of which this is one moment.
                entries = await self._data.entries()
                self._pending, self._database = b"", -1
                notes = await self.files.rewrite(entries)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
            await self._journal.note(f"Error rewriting the append only file: {reason}", "#")
            return reason
        for note in notes[1:]:
            await self._journal.note(note)
        await self._journal.note("Background AOF rewrite finished successfully")
        return None

    def close(self) -> None:
        """No longer append."""
        self.files.close()
