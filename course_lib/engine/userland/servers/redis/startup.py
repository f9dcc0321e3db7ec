"""A Redis server from its start to its end: which files it reads, what it says of them."""

from __future__ import annotations

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.servers.redis import rdb
from course_lib.engine.userland.servers.redis.appendonly import AppendFiles, BadLog
from course_lib.engine.userland.servers.redis.config import Config
from course_lib.engine.userland.servers.redis.journal import Journal
from course_lib.engine.userland.servers.redis.recorder import commands_of
from course_lib.engine.userland.servers.redis.server import Server


async def serve(proc: Process, version: str, config: Config, *, configured: bool) -> int:
    """Read the data, then answer clients until the end.

    :param configured: there is a configuration file, or options.
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    journal = Journal(proc, (major, minor))
    await journal.starting(version, configured)
    clock = proc.machine.clock
    began = clock.monotonic()
    release = (major, minor)
    server = Server(proc, version, config)
    files: AppendFiles | None = None
    loaded = False
    try:
        if config.appendonly:
            files = AppendFiles(proc.fs, config, release, commands_of)
            loaded = await _replay(server, files, journal)
        else:
            loaded = _read_dump(server)
    except _Fatal as failure:
        await journal.note(str(failure), "#")
        return 1
    took = clock.monotonic() - began if loaded else None
    try:
        listener = proc.net.listen(config.bind, config.port, owner=proc.pid)
    except OSError as error:
        await journal.note(
            f"Creating Server TCP listening socket {config.bind}:{config.port}: bind: "
            f"{error.strerror}", "#",
        )  # fmt: skip
        return 1
    if (major, minor) >= (4, 0):
        # The address and port stand in the title, as in ps of the real one.
        proc.argv[:] = [f"{proc.argv[0]} *:{config.port}"]
    if files is not None:
        try:
            for note in await files.open(server.data.entries):
                await journal.note(note)
        except OSError as error:
            await journal.note(f"Can't open the append-only file: {error.strerror}", "#")
            return 1
        await server.record(files)
    await journal.serving(version, config.port, took, append_only=files is not None)
    return await server.run(listener)


class _Fatal(Exception):
    """The server cannot start; the message is for its log."""


def _read_dump(server: Server) -> bool:
    """Take the dump file in, if there is one."""
    try:
        entries = rdb.load(server.proc.fs.read_bytes(server.path))
    except FileNotFoundError:
        return False
    except (OSError, rdb.BadDump) as failure:
        reason = failure.strerror if isinstance(failure, OSError) else failure
        raise _Fatal(f"Fatal error loading the DB: {reason}. Exiting.") from None
    now = server.proc.machine.clock.time_ns() // 1_000_000
    server.data.load([e for e in entries if e.expires_ms is None or e.expires_ms > now])
    return True


async def _replay(server: Server, files: AppendFiles, journal: Journal) -> bool:
    """Take the append only file in, if there is one. What else is there counts for nothing."""
    try:
        found = files.load()
    except BadLog as failure:
        raise _Fatal(str(failure)) from None
    except OSError as error:
        raise _Fatal(f"Fatal error: can't open the append log file: {error.strerror}") from None
    if found is None:
        return False
    for note in found.notes:
        await journal.note(note, "#" if note.startswith("!") else "*")
    if not found.commands:
        server.data.load(found.entries)
        return True
    try:
        # Keys of the base that have ended may have been used before they did.
        await server.data.replay([*map(list, commands_of(found.entries)), *found.commands])
    except ValueError as error:
        raise _Fatal(f"Unknown command '{error}' reading the append only file") from None
    return True
