"""The packed encodings in which a real Redis keeps small lists, sets, hashes and sorted sets.

Each is one string in the dump file: a *ziplist* (up to 6.2), a *listpack* (since 7.0) or an
*intset* (sets of whole numbers). Sources: the comments at the head of ``ziplist.c``,
``listpack.c`` and ``intset.c`` of Redis.
"""

from __future__ import annotations

import struct
from collections.abc import Callable


class BadEncoding(Exception):
    """The string is not what its type says, or is cut short."""


def _integer(data: bytes) -> bytes:
    return b"%d" % int.from_bytes(data, "little", signed=True)


class _Cursor:
    """Reads on; running over the end is an error."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def peek(self) -> int:
        if self.position >= len(self.data):
            raise BadEncoding("the end is missing")
        return self.data[self.position]

    def take(self, size: int) -> bytes:
        chunk = self.data[self.position : self.position + size]
        if len(chunk) < size:
            raise BadEncoding("cut short")
        self.position += size
        return chunk

    def big(self, size: int, mask: int = -1) -> int:
        """A length, first byte first, without the bits that tell its kind."""
        return int.from_bytes(self.take(size), "big") & mask


def intset(data: bytes) -> list[bytes]:
    """The numbers of a set: their size and count, then each of them."""
    if len(data) < 8:
        raise BadEncoding("cut short")
    size, count = struct.unpack("<II", data[:8])
    if size not in {2, 4, 8} or len(data) != 8 + size * count:
        raise BadEncoding("not an intset")
    return [_integer(data[at : at + size]) for at in range(8, len(data), size)]


def ziplist(data: bytes) -> list[bytes]:
    """The items of a ziplist: each after the length of the one before it."""
    return _items(data, 10, _ziplist_item)


def listpack(data: bytes) -> list[bytes]:
    """The items of a listpack: each before its own length."""
    return _items(data, 6, _listpack_item)


def _items(data: bytes, header: int, item: Callable[[_Cursor], bytes]) -> list[bytes]:
    if len(data) <= header or int.from_bytes(data[:4], "little") != len(data):
        raise BadEncoding("its length is wrong")
    cursor = _Cursor(data, header)
    found = []
    while cursor.peek() != 0xFF:
        found.append(item(cursor))
    return found


_ZIPLIST_NUMBERS = {0xC0: 2, 0xD0: 4, 0xE0: 8, 0xF0: 3, 0xFE: 1}


def _ziplist_item(cursor: _Cursor) -> bytes:
    if cursor.take(1)[0] == 0xFE:  # a long predecessor
        cursor.take(4)
    first = cursor.peek()
    if first < 0x40:
        return cursor.take(cursor.big(1))
    if first < 0x80:
        return cursor.take(cursor.big(2, 0x3FFF))
    cursor.take(1)
    if first < 0xC0:
        return cursor.take(cursor.big(4))
    if first in _ZIPLIST_NUMBERS:
        return _integer(cursor.take(_ZIPLIST_NUMBERS[first]))
    if 0xF1 <= first <= 0xFD:
        return b"%d" % (first - 0xF1)
    raise BadEncoding("not a ziplist")


_LISTPACK_NUMBERS = {0xF1: 2, 0xF2: 3, 0xF3: 4, 0xF4: 8}


def _listpack_item(cursor: _Cursor) -> bytes:
    start = cursor.position
    first = cursor.peek()
    if first < 0x80:
        value = b"%d" % cursor.big(1)
    elif first < 0xC0:
        value = cursor.take(cursor.big(1, 0x3F))
    elif first < 0xE0:
        number = cursor.big(2, 0x1FFF)
        value = b"%d" % (number - 0x2000 if number & 0x1000 else number)
    elif first < 0xF0:
        value = cursor.take(cursor.big(2, 0x0FFF))
    else:
        cursor.take(1)
        if first == 0xF0:
            value = cursor.take(int.from_bytes(cursor.take(4), "little"))
        elif first in _LISTPACK_NUMBERS:
            value = _integer(cursor.take(_LISTPACK_NUMBERS[first]))
        else:
            raise BadEncoding("not a listpack")
    # The item's length again, in groups of seven bits, for those who read backwards.
    size = cursor.position - start
    cursor.take(1 + sum(size >= limit for limit in (1 << 7, (1 << 14) - 1, (1 << 21) - 1, 1 << 28)))
    return value
