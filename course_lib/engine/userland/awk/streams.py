"""Where an AWK program reads from and writes to."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import decode, encode, open_input, reason
from course_lib.engine.userland.awk.lexer import AwkError
from course_lib.engine.userland.awk.values import Input, number, text
from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.process import ContainerProcess

if TYPE_CHECKING:
    from course_lib.engine.userland.awk.interpreter import Interpreter


class Reader:
    """Records of one file, cut as ``RS`` says at that moment."""

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self._rest = ""
        self._ended = False

    async def _more(self) -> bool:
        chunk = b"" if self._ended else await self._file.read(65536)
        if not chunk:
            self._ended = True
            return False
        self._rest += decode(chunk)
        return True

    async def record(self, separator: str) -> str | None:
        """The next record, None at the end."""
        if separator == "":
            return await self._paragraph()
        expression = re.compile(re.escape(separator)) if len(separator) == 1 else None
        if expression is None:
            from course_lib.engine.userland.regex import extended

            expression = extended(separator)
        while True:
            match = expression.search(self._rest)
            # A match at the very end might go on in what is still to be read.
            if match and match[0] and (match.end() < len(self._rest) or len(separator) == 1):
                record, self._rest = self._rest[: match.start()], self._rest[match.end() :]
                return record
            if not await self._more():
                break
        if not self._rest:
            return None
        match = expression.search(self._rest)
        record, self._rest = self._rest, ""
        if match and match[0]:
            self._rest = record[match.end() :]
            record = record[: match.start()]
        return record

    async def _paragraph(self) -> str | None:
        while await self._more():
            pass
        self._rest = self._rest.lstrip("\n")
        if not self._rest:
            return None
        record, _, self._rest = self._rest.partition("\n\n")
        return record.rstrip("\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Streams:
    """All files and pipes of a program by their names."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._awk = interpreter
        self._proc: ContainerProcess = interpreter.proc
        self._main: Reader | None = None
        self._argument = 0
        self._used_file = False
        self._readers: dict[str, Reader] = {}
        self._writers: dict[str, OpenFile] = {}
        self._children: dict[str, ContainerProcess] = {}

    # --- the main input ----------------------------------------------------------------------

    async def next_record(self) -> str | None:
        """The next record of the files named as arguments."""
        awk = self._awk
        while True:
            if self._main is None and not self._open_next():
                return None
            assert self._main is not None
            line = await self._main.record(awk.string("RS"))
            if line is not None:
                for name in ("NR", "FNR"):
                    awk.variables[name] = number(awk.variables[name]) + 1
                return line
            self.skip_file()

    def skip_file(self) -> None:
        """Go on with the next file."""
        if self._main is not None:
            self._main.close()
        self._main = None

    def _open_next(self) -> bool:
        awk = self._awk
        arguments = awk.arrays["ARGV"]
        count = int(number(awk.variables["ARGC"]))
        while self._argument + 1 < count:
            self._argument += 1
            word = text(arguments.get(str(self._argument), ""))
            match = re.match(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", word, re.DOTALL)
            if match:
                awk.set(match[1], Input(match[2]))
            elif word:
                self._open(word)
                return True
        if self._used_file:
            return False
        self._open("-")
        return True

    def _open(self, name: str) -> None:
        self._used_file = True
        try:
            self._main = Reader(open_input(self._proc, name))
        except OSError as error:
            raise AwkError(f"{name}: {reason(error)}") from None
        self._awk.variables["FILENAME"] = Input("" if name == "-" else name)
        self._awk.variables["FNR"] = 0.0

    # --- named streams -----------------------------------------------------------------------

    async def read(self, name: str, *, command: bool) -> tuple[int, str | None]:
        """A record of ``getline < name`` or ``name | getline``.

        :returns: 1 and the record, 0 at the end, -1 if there is nothing to read.
        """
        if name not in self._readers:
            try:
                if command:
                    reader, writer = pipe()
                    fds = {**self._proc.fds, 1: writer}
                    self._children[name] = await self._proc.spawn(["sh", "-c", name], fds=fds)
                    writer.close()
                    self._readers[name] = Reader(reader)
                else:
                    self._readers[name] = Reader(open_input(self._proc, name))
            except OSError:
                return -1, None
        line = await self._readers[name].record(self._awk.string("RS"))
        return (0, None) if line is None else (1, line)

    async def write(self, redirect: str, name: str, line: str) -> None:
        """Print to standard output, a file or a command."""
        data = encode(line)
        if not redirect or name in ("/dev/stdout", "-"):
            await self._proc.out(data)
            return
        if name == "/dev/stderr":
            await self._proc.err(data)
            return
        if name not in self._writers:
            self._writers[name] = await self._open_output(redirect, name)
        await self._proc.write(self._writers[name], data)

    async def _open_output(self, redirect: str, name: str) -> OpenFile:
        proc = self._proc
        if redirect == "|":
            reader, writer = pipe()
            try:
                self._children[name] = await proc.spawn(
                    ["sh", "-c", name], fds={**proc.fds, 0: reader}
                )
            except OSError as error:
                raise AwkError(f"can't run '{name}': {reason(error)}") from None
            reader.close()
            return writer
        mode = os.O_TRUNC if redirect == ">" else os.O_APPEND
        try:
            flags = os.O_WRONLY | os.O_CREAT | mode
            return proc.fs.open(proc.path(name), flags, 0o666 & ~proc.umask)
        except OSError as error:
            raise AwkError(f"can't redirect to '{name}': {reason(error)}") from None

    async def close(self, name: str) -> int:
        """``close(name)``: exit code of a command, 0 for a file, -1 for what is not open."""
        status = -1
        reader, writer = self._readers.pop(name, None), self._writers.pop(name, None)
        for stream in (reader, writer):
            if stream is not None:
                stream.close()
                status = 0
        child = self._children.pop(name, None)
        if child is not None:
            status = await child.wait()
        return status

    async def close_all(self) -> None:
        """The program has ended."""
        for name in {**self._readers, **self._writers, **self._children}:
            await self.close(name)
        self.skip_file()
