"""The lines that ``sed`` edits."""

from __future__ import annotations

from collections.abc import AsyncIterator

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import byte_lines, decode, open_input, reason
from course_lib.engine.userland.process import ContainerProcess


class Input:
    """Lines of all files one after the other, as they come; knows which is the last.

    :ivar missing_end: the line last given had no end.
    :ivar status: exit code so far.
    """

    def __init__(self, proc: ContainerProcess, names: list[str], end: bytes) -> None:
        self._proc = proc
        self._names = names
        self._end = end
        self._file: OpenFile | None = None
        self._lines: AsyncIterator[bytes] | None = None
        self._ahead: bytes | None = None
        self.missing_end = False
        self.status = 0

    async def _fill(self) -> bool:
        while self._ahead is None:
            if self._lines is None and not self._names:
                return False
            try:
                if self._lines is None:
                    self._file = open_input(self._proc, self._names[0])
                    self._lines = byte_lines(self._proc, self._file, self._end)
                self._ahead = await anext(self._lines, None)
            except OSError as error:
                await self._proc.err(f"sed: {self._names[0]}: {reason(error)}\n")
                self.status = 1
            if self._ahead is None:
                self.close()
                self._names.pop(0)
        return True

    def close(self) -> None:
        """Close the file that is being read."""
        if self._file is not None:
            self._file.close()
        self._file = self._lines = None

    async def next(self) -> str | None:
        if not await self._fill():
            return None
        assert self._ahead is not None
        line, self._ahead = self._ahead, None
        self.missing_end = not line.endswith(self._end)
        return decode(line.removesuffix(self._end))

    async def is_last(self) -> bool:
        return not await self._fill()
