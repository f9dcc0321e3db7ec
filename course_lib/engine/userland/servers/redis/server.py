"""A running Redis: its clients, its own commands, its dump file, its log."""

from __future__ import annotations

import asyncio
import posixpath
from functools import partial

from course_lib.engine.interfaces import Listener, Process
from course_lib.engine.userland import signals
from course_lib.engine.userland.servers.redis import info, rdb
from course_lib.engine.userland.servers.redis.appendonly import AppendFiles, BadLog
from course_lib.engine.userland.servers.redis.client import Client
from course_lib.engine.userland.servers.redis.config import Config
from course_lib.engine.userland.servers.redis.dataset import Dataset
from course_lib.engine.userland.servers.redis.journal import Journal
from course_lib.engine.userland.servers.redis.recorder import Recorder, commands_of
from course_lib.engine.userland.waiting import cancel


class Server:
    """One ``redis-server`` process.

    :param version: ``7.4.2``.
    """

    def __init__(self, proc: Process, version: str, config: Config) -> None:
        self.proc = proc
        self.version = version
        self.config = config
        major, minor = (int(part) for part in version.split(".")[:2])
        self.release = (major, minor)
        self.data = Dataset(self.release)
        self.journal = Journal(proc, self.release)
        clock = proc.machine.clock
        self.started = clock.monotonic()
        self.last_save = clock.time_ns() // 1_000_000_000
        self.last_save_ok = True
        self.run_id = f"{proc.machine.ids.random.getrandbits(160):040x}"
        self.clients: dict[Client, asyncio.Task[None]] = {}
        self.connections = 0
        self.commands = 0
        self.ending: asyncio.Queue[str] = asyncio.Queue()
        self.recorder: Recorder | None = None
        self._saving = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    # --- life --------------------------------------------------------------------------------

    async def run(self, listener: Listener) -> int:
        """Serve until a signal or ``SHUTDOWN`` ends it."""
        for name in ("TERM", "INT"):
            self.proc.on_signal(signals.NUMBERS[name], self._signalled)
        self.proc.on_signal(signals.SIGHUP, "ignore")
        accepting = self.proc.thread(partial(self._accept, listener))
        while True:
            reason = await self.ending.get()
            if reason.startswith("SIG"):
                await self.journal.note(f"Received {reason} scheduling shutdown...", "#")
            if await self._shut_down(reason):
                break
        listener.close()
        self.stop_recording()
        await cancel(accepting, *self.clients.values())
        await self.journal.note("Redis is now ready to exit, bye bye...", "#")
        return 0

    def _signalled(self, signum: int) -> None:
        self.ending.put_nowait(f"SIG{signals.name_of(signum)}")

    async def _shut_down(self, reason: str) -> bool:
        """Save if it is wanted; false where that failed and the server goes on."""
        await self.journal.note("User requested shutdown...", "#")
        if self.recorder is not None:
            await self.journal.note("Calling fsync() on the AOF file.")
            await self.recorder.flush()
        if reason == "nosave" or not (self.config.save or reason == "save"):
            return True
        await self.journal.note("Saving the final RDB snapshot before exiting.")
        if await self.save() is None:
            return True
        await self.journal.note("Error trying to save the DB, can't exit.", "#")
        return False

    async def _accept(self, listener: Listener) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError:
                return
            self.connections += 1
            client = Client(self, stream)
            task = self.proc.thread(client.run)
            self.clients[client] = task
            task.add_done_callback(lambda _t, c=client: self.clients.pop(c, None))  # type: ignore[misc]

    # --- the append only file ------------------------------------------------------------------

    async def record(self, files: AppendFiles) -> None:
        """Append to these files, which are open, from now on."""
        recorder = Recorder(files, self.data, self.config, self.journal)
        await recorder.start()
        self.recorder = recorder

    async def start_recording(self) -> str | None:
        """Begin an append only file with what there is; what went wrong, or None."""
        files = AppendFiles(self.proc.fs, self.config, self.release, commands_of)
        try:
            files.find()
            for note in await files.rewrite(await self.data.entries()):
                await self.journal.note(note)
        except (OSError, ValueError, BadLog) as error:
            return (error.strerror if isinstance(error, OSError) else None) or str(error)
        await self.record(files)
        return None

    def stop_recording(self) -> None:
        """Append no longer; what is there stays."""
        if self.recorder is not None:
            self.recorder.close()
            self.recorder = None

    # --- the dump file -----------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Where the dump file is."""
        return posixpath.join(self.config.dir, self.config.dbfilename)

    async def save(self) -> str | None:
        """Write the dump file; what went wrong, or None.

        It is written beside and renamed, so that a reader never finds half of it.
        """
        async with self._saving:
            fs, target = self.proc.fs, self.path
            beside = posixpath.join(self.config.dir, f"temp-{self.proc.pid}.rdb")
            dirty = self.data.dirty
            try:
                content = rdb.dump(await self.data.entries())
                fs.write_bytes(beside, content)
                fs.rename(beside, target)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                await self.journal.note(
                    f"Failed opening the temp RDB file {beside} (in server root dir "
                    f"{self.config.dir}) for saving: {reason}", "#",
                )  # fmt: skip
                self.last_save_ok = False
                return str(reason)
            self.data.dirty -= dirty
            self.last_save = self.proc.machine.clock.time_ns() // 1_000_000_000
            self.last_save_ok = True
            await self.journal.note("DB saved on disk")
            return None

    def written(self) -> None:
        """A client changed something: see to it that it is saved in time."""
        if self.config.save and (self._watch is None or self._watch.done()):
            self._watch = self.proc.thread(self._save_in_time)

    async def _save_in_time(self) -> None:
        clock = self.proc.machine.clock
        began = clock.monotonic()
        while self.data.dirty > 0:
            passed = clock.monotonic() - began
            for seconds, changes in self.config.save:
                if passed >= seconds and self.data.dirty >= changes:
                    await self.journal.note(
                        f"{self.data.dirty} changes in {seconds} seconds. Saving..."
                    )
                    await self.save()
                    began = clock.monotonic()
                    break
            else:
                due = [s - passed for s, _ in self.config.save if s > passed]
                await self.proc.sleep(min(due) if due else 60.0)

    # --- facts -------------------------------------------------------------------------------

    async def info(self, wanted: list[str]) -> bytes:
        """The text of ``INFO``."""
        appending = None
        if self.recorder is not None:
            files = self.recorder.files
            appending = (files.size, files.base_size, not self.recorder.failed)
        return info.text(
            info.Facts(
                self.version, self.run_id, self.proc.pid, self.config.port,
                int(self.proc.machine.clock.monotonic() - self.started), self.config.file,
                len(self.clients), self.data.dirty, self.last_save, self.last_save_ok,
                self.connections, self.commands, await self.data.sizes(), appending,
            ),
            wanted,
        ).encode()  # fmt: skip
