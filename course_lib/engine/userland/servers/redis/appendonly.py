"""The append only file: commands as clients send them, one after the other.

Up to 6.2 it is one file beside the dump. Since 7.0 it is a directory with a dump to begin with (the
*base*), the commands since then, and a manifest that names the two; an old file that lies there is
taken over as the base. Source: ``aof.c`` of Redis.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from course_lib.engine.interfaces import FileSystem, OpenFile
from course_lib.engine.userland.servers.redis import rdb
from course_lib.engine.userland.servers.redis.config import Config
from course_lib.engine.userland.servers.redis.resp import (
    ProtocolError,
    encode_command,
    split_line,
)

Command = Sequence[bytes]


class BadLog(Exception):
    """What is there cannot be read; the message is for the log."""


@dataclass
class Loaded:
    """What the files hold: a dump, then what was done since; and what is to be said of it."""

    entries: list[rdb.Entry] = field(default_factory=list)
    commands: list[list[bytes]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_commands(data: bytes) -> tuple[list[list[bytes]], int]:
    """The commands of a file, and how many bytes are good.

    The last command may be cut short, a transaction may lack its end: the good bytes end before.

    :raises ValueError: something else than commands.
    """
    found: list[list[bytes]] = []
    position = good = 0
    complete = 0
    within = False
    while position < len(data):
        try:
            words, position = _command(data, position)
        except EOFError:
            break
        found.append(words)
        name = words[0].lower()
        if name == b"multi":
            within = True
        elif name == b"exec":
            within = False
        if not within:
            good, complete = position, len(found)
    return [w for w in found[:complete] if w[0].lower() not in {b"multi", b"exec"}], good


def _command(data: bytes, position: int) -> tuple[list[bytes], int]:
    count, position = _number(data, position, b"*")
    if count < 1:
        raise ValueError(count)
    words = []
    for _ in range(count):
        size, position = _number(data, position, b"$")
        end = position + size + 2
        if end > len(data):
            raise EOFError
        words.append(data[position : end - 2])
        position = end
    return words, position


def _number(data: bytes, position: int, sign: bytes) -> tuple[int, int]:
    if position >= len(data):
        raise EOFError
    if data[position : position + 1] != sign:
        raise ValueError(data[position])
    end = data.find(b"\r\n", position, position + 32)
    if end < 0:
        if len(data) - position < 32:
            raise EOFError
        raise ValueError(data[position])
    digits = data[position + 1 : end]
    if not digits.isdigit():
        raise ValueError(digits)
    return int(digits), end + 2


class AppendFiles:
    """The files of one server: read at its start, then written to.

    :param commands_of: the commands that make some entries, for a file without a dump.
    """

    def __init__(
        self,
        fs: FileSystem,
        config: Config,
        release: tuple[int, int],
        commands_of: Callable[[Iterable[rdb.Entry]], Iterable[Command]],
    ) -> None:
        self._fs = fs
        self._config = config
        self._parts = release >= (7, 0)
        self._commands_of = commands_of
        self._base = ""
        self._increments: list[str] = []
        self._sequence = 0
        self._file: OpenFile | None = None
        self.size = 0
        self.base_size = 0

    # --- where -------------------------------------------------------------------------------

    @property
    def _folder(self) -> str:
        folder = self._config.dir
        return posixpath.join(folder, self._config.appenddirname) if self._parts else folder

    def _path(self, name: str) -> str:
        return posixpath.join(self._folder, name)

    @property
    def _manifest(self) -> str:
        return self._path(f"{self._config.appendfilename}.manifest")

    # --- reading -----------------------------------------------------------------------------

    def load(self) -> Loaded | None:
        """What the files hold; None where there are none.

        :raises BadLog: they cannot be used.
        :raises OSError: they cannot be read.
        """
        found = Loaded()
        if not self._parts:
            self._increments = [self._config.appendfilename]
            if not self._exists(self._path(self._config.appendfilename)):
                return None
        elif self._exists(self._manifest):
            self._read_manifest()
        elif self._exists(old := posixpath.join(self._config.dir, self._config.appendfilename)):
            self._take_over(old)
            found.notes.append(
                f"Successfully migrated an old-style AOF configuration ({self._base}) into the "
                f"AOF directory ({self._config.appenddirname})."
            )
        else:
            return None
        names = [name for name in (self._base, *self._increments) if name]
        for name in names:
            self._read(name, found, last=name == names[-1])
        return found

    def find(self) -> None:
        """Learn which files there are, to begin anew after them.

        :raises BadLog: the manifest cannot be used.
        """
        if self._parts and self._exists(self._manifest):
            self._read_manifest()

    def _exists(self, path: str) -> bool:
        try:
            self._fs.stat(path)
        except FileNotFoundError:
            return False
        return True

    def _read_manifest(self) -> None:
        increments: list[tuple[int, str]] = []
        for line in self._fs.read_bytes(self._manifest).decode(errors="replace").splitlines():
            try:
                words = [word.decode() for word in split_line(line.encode())]
                facts = dict(zip(words[::2], words[1::2], strict=True))
                name, number, kind = facts["file"], int(facts["seq"]), facts["type"]
            except (ProtocolError, ValueError, KeyError):
                raise BadLog("Invalid AOF manifest file format") from None
            if "/" in name:
                raise BadLog("File can't be a path, just a filename")
            if kind == "b":
                self._base = name
            elif kind == "i":
                increments.append((number, name))
            self._sequence = max(self._sequence, number)
        self._increments = [name for _, name in sorted(increments)]

    def _take_over(self, old: str) -> None:
        if not self._exists(self._folder):
            self._fs.mkdir(self._folder, 0o755)
        self._base, self._sequence = self._config.appendfilename, 1
        self._write_manifest()
        self._fs.rename(old, self._path(self._base))

    def _read(self, name: str, found: Loaded, *, last: bool) -> None:
        path = self._path(name)
        shown = f" {name}" if self._parts else ""
        data = self._fs.read_bytes(path)
        self.size += len(data)
        if data.startswith(rdb.MAGIC):
            try:
                entries, rest = rdb.load_first(data)
            except rdb.BadDump as error:
                raise BadLog(
                    f"Error reading the RDB preamble of the AOF file{shown}: {error}"
                ) from None
            found.entries += entries
        else:
            rest = data
        if name == self._base:
            self.base_size = len(data)
        try:
            commands, good = read_commands(rest)
        except ValueError:
            hint = "<filename.manifest>" if self._parts else "<filename>"
            raise BadLog(
                f"Bad file format reading the append only file{shown}: make "
                f"a backup of your AOF file, then use ./redis-check-aof --fix {hint}"
            ) from None
        found.commands += commands
        if good == len(rest):
            return
        if not (last and self._config.load_truncated):
            raise BadLog(
                f"Unexpected end of file reading the append only file{shown}. You can: 1) Make a "
                "backup of your AOF file, then use ./redis-check-aof --fix <filename>. 2) "
                "Alternatively you can set the 'aof-load-truncated' configuration option to yes "
                "and restart the server."
            )
        whole = len(data) - len(rest) + good
        found.notes += [
            f"!!! Warning: short read while loading the AOF file{shown}!!!",
            f"!!! Truncating the AOF{shown} at offset {whole} !!!",
            f"AOF{shown} loaded anyway because aof-load-truncated is enabled",
        ]
        file = self._fs.open(path, os.O_WRONLY)
        try:
            file.truncate(whole)
        finally:
            file.close()
        self.size -= len(data) - whole

    # --- writing -----------------------------------------------------------------------------

    async def open(self, entries: Callable[[], Awaitable[list[rdb.Entry]]]) -> list[str]:
        """Be ready to append; what was made for it.

        :param entries: what there is, for a base where there is none yet.
        :raises OSError: it cannot be written.
        """
        notes: list[str] = []
        if self._parts and not self._base and not self._increments:
            notes = await self._begin(await entries())
            return [f"{note} on server start" for note in notes]
        if not self._increments:
            self._increments = [self._increment_name()]
            self._write_manifest()
            notes = [f"Creating AOF incr file {self._increments[-1]} on server start"]
        elif self._parts:
            notes = [f"Opening AOF incr file {self._increments[-1]} on server start"]
        self._open()
        return notes

    async def append(self, data: bytes) -> None:
        """Write commands behind the others.

        :raises OSError: as a write to the file; the file then ends as before.
        """
        assert self._file is not None
        end = self._file.stat().size
        try:
            await self._file.write(data)
        except OSError:
            self._file.truncate(end)
            raise
        self.size += len(data)

    async def rewrite(self, entries: list[rdb.Entry]) -> list[str]:
        """Begin again with what there is now; what was made for it.

        :raises OSError: it cannot be written; the old files stay.
        """
        if self._parts:
            return [f"{note} on background rewrite" for note in await self._begin(entries)]
        name = self._config.appendfilename
        content = b"".join(encode_command(list(words)) for words in self._commands_of(entries))
        beside = self._path(f"temp-rewriteaof-{name}")
        self._fs.write_bytes(beside, content)
        self._fs.rename(beside, self._path(name))
        self.close()
        self._increments = [name]
        self.size = self.base_size = len(content)
        self._open()
        return []

    async def _begin(self, entries: list[rdb.Entry]) -> list[str]:
        """A new base and an empty file after it; then those before are no longer needed."""
        if not self._exists(self._folder):
            self._fs.mkdir(self._folder, 0o755)
        former = [name for name in (self._base, *self._increments) if name]
        was = (self._base, self._increments, self._sequence)
        content = rdb.dump(entries)
        self._sequence += 1
        self._base = f"{self._config.appendfilename}.{self._sequence}.base.rdb"
        self._increments = [self._increment_name()]
        try:
            self._fs.write_bytes(self._path(self._base), content)
            self._fs.write_bytes(self._path(self._increments[0]), b"")
            self._write_manifest()
        except OSError:
            self._base, self._increments, self._sequence = was
            raise
        self.close()
        self.size = self.base_size = len(content)
        self._open()
        for name in former:
            try:
                self._fs.unlink(self._path(name))
            except OSError:
                continue  # a file that nobody names any more is no harm
        return [
            f"Creating AOF base file {self._base}",
            f"Creating AOF incr file {self._increments[0]}",
        ]

    def _increment_name(self) -> str:
        self._sequence = max(self._sequence, 1)
        return f"{self._config.appendfilename}.{self._sequence}.incr.aof"

    def _write_manifest(self) -> None:
        lines = [f"file {self._base} seq {self._sequence} type b\n"] if self._base else []
        lines += [f"file {name} seq {self._sequence} type i\n" for name in self._increments]
        beside = self._path(f"temp-{self._config.appendfilename}.manifest")
        self._fs.write_bytes(beside, "".join(lines).encode())
        self._fs.rename(beside, self._manifest)

    def _open(self) -> None:
        path = self._path(self._increments[-1])
        self._file = self._fs.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def close(self) -> None:
        """The file that is appended to is no longer needed."""
        if self._file is not None:
            self._file.close()
            self._file = None
