"""Keys of a terminal: from bytes to what a line editor does with them (BusyBox's ``read_key``)."""

from __future__ import annotations

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.tty import PseudoTerminal

_CSI = {
    "A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end",
    "1~": "home", "7~": "home", "4~": "end", "8~": "end", "3~": "delete",
    "1;5C": "word-right", "1;5D": "word-left", "1;3C": "word-right", "1;3D": "word-left",
}  # fmt: skip
_CONTROL = {
    0x01: "home", 0x02: "left", 0x03: "interrupt", 0x04: "eof", 0x05: "end", 0x06: "right",
    0x08: "backspace", 0x09: "complete", 0x0A: "enter", 0x0B: "kill-end", 0x0C: "clear",
    0x0D: "enter", 0x0E: "down", 0x10: "up", 0x12: "search", 0x14: "transpose", 0x15: "kill-start",
    0x17: "kill-word", 0x7F: "backspace",
}  # fmt: skip
_META = {"b": "word-left", "f": "word-right", "d": "kill-next-word", "\x7f": "kill-word-left"}

Key = tuple[str, str]
"""What to do, and the character where that is to insert one."""


class KeyReader:
    """Reads one terminal key by key."""

    def __init__(self, terminal: PseudoTerminal, file: OpenFile) -> None:
        self._terminal = terminal
        self._file = file
        self._bytes = bytearray()

    async def key(self) -> Key | None:
        """The next key; None where the terminal is gone."""
        byte = await self._byte()
        if byte is None:
            return None
        if byte == 0x1B:
            return await self._escape()
        if byte in _CONTROL:
            return _CONTROL[byte], ""
        if byte < 0x20:
            return "nothing", ""
        return "insert", await self._character(byte)

    def again(self, byte: int) -> None:
        """Put a key back, to be read next."""
        self._bytes.insert(0, byte)

    def give_back(self) -> None:
        """What was typed ahead belongs to the next reader, which may be another program."""
        if self._bytes:
            self._terminal.unread(bytes(self._bytes))
            self._bytes.clear()

    async def _byte(self) -> int | None:
        if not self._bytes:
            chunk = await self._file.read(4096)
            if not chunk:
                return None
            self._bytes += chunk
        return self._bytes.pop(0)

    async def _character(self, first: int) -> str:
        data = bytes((first,))
        missing = 1 if first >> 5 == 6 else 2 if first >> 4 == 14 else 3 if first >> 3 == 30 else 0
        for _ in range(missing):
            byte = await self._byte()
            if byte is None:
                break
            data += bytes((byte,))
        return data.decode("utf-8", "surrogateescape")

    async def _escape(self) -> Key:
        byte = await self._byte()
        if byte is None:
            return "nothing", ""
        if byte not in (0x5B, 0x4F):
            return _META.get(chr(byte), "nothing"), ""
        sequence = ""
        while len(sequence) < 16:
            byte = await self._byte()
            if byte is None:
                break
            sequence += chr(byte)
            if 0x40 <= byte <= 0x7E:
                break
        return _CSI.get(sequence, "nothing"), ""
