"""Redis's dump file, as far as it holds strings, lists, sets, sorted sets and hashes.

Written in version 6 of the format, numbers as such and all else in plain encodings, which every
Redis since 2.8 reads.
Read in all encodings that real servers from 2.8 to 8.0 give these five (the packed ones are in
:mod:`compact`); streams, values of modules and hashes whose fields expire are refused with a clear
message: to leave them out would lose them with the next save. A checksum of zero means that there
is none. Source: ``rdb.h`` and ``rdb.c`` of Redis.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from course_lib.engine.userland.servers.redis.compact import (
    BadEncoding,
    intset,
    listpack,
    ziplist,
)

Kind = Literal["string", "list", "set", "zset", "hash"]
Value = bytes | list[bytes] | list[tuple[bytes, bytes]] | list[tuple[bytes, float]]

MAGIC = b"REDIS"
VERSION = 6
_TYPES: tuple[Kind, ...] = ("string", "list", "set", "zset", "hash")
_EXPIRE_MS, _EXPIRE_S, _SELECT, _EOF = 0xFC, 0xFD, 0xFE, 0xFF
_AUX, _RESIZE = 0xFA, 0xFB
_IDLE, _FREQUENCY, _FUNCTION, _SLOT = 0xF8, 0xF9, 0xF5, 0xF4
_NUMBER = re.compile(rb"0|-?[1-9]\d{0,9}")
_INTEGERS = {0: ("<b", 8), 1: ("<h", 16), 2: ("<i", 32)}
_LZF = 3
_ZSET_BINARY = 5
_QUICKLIST, _QUICKLIST_2 = 14, 18
_PLAIN_NODE = 1
# Types whose value is one string that holds everything.
_PACKED: dict[int, tuple[Kind, Callable[[bytes], list[bytes]]]] = {
    10: ("list", ziplist), 11: ("set", intset), 12: ("zset", ziplist), 13: ("hash", ziplist),
    16: ("hash", listpack), 17: ("zset", listpack), 20: ("set", listpack),
}  # fmt: skip


class BadDump(Exception):
    """The file is no dump, is cut short, or holds what this server cannot read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One key. ``expires_ms`` is a time since the epoch, None for never."""

    database: int
    key: bytes
    kind: Kind
    value: Value
    expires_ms: int | None = None


def _length(number: int) -> bytes:
    if number < 1 << 6:
        return bytes([number])
    if number < 1 << 14:
        return bytes([0x40 | number >> 8, number & 0xFF])
    return b"\x80" + struct.pack(">I", number)


def _string(data: bytes) -> bytes:
    """A string; one that is a small number is written as such (``rdbTryIntegerEncoding``)."""
    if _NUMBER.fullmatch(data):
        number = int(data)
        for code, (form, bits) in _INTEGERS.items():
            if -1 << bits - 1 <= number < 1 << bits - 1:
                return bytes([0xC0 | code]) + struct.pack(form, number)
    return _length(len(data)) + data


def _double(number: float) -> bytes:
    if math.isnan(number):
        return b"\xfd"
    if number in {float("inf"), float("-inf")}:
        return b"\xfe" if number > 0 else b"\xff"
    text = repr(number).removesuffix(".0").encode()
    return bytes([len(text)]) + text


def dump(entries: Iterable[Entry]) -> bytes:
    """A whole file. Entries of one database stand together."""
    parts = [MAGIC, b"%04d" % VERSION]
    database = -1
    for entry in entries:
        if entry.database != database:
            database = entry.database
            parts += [bytes([_SELECT]), _length(database)]
        if entry.expires_ms is not None:
            parts += [bytes([_EXPIRE_MS]), struct.pack("<Q", entry.expires_ms)]
        parts += [bytes([_TYPES.index(entry.kind)]), _string(entry.key)]
        if isinstance(entry.value, bytes):
            parts.append(_string(entry.value))
            continue
        parts.append(_length(len(entry.value)))
        for item in entry.value:
            if isinstance(item, bytes):
                parts.append(_string(item))
            else:
                second = item[1]
                parts.append(_string(item[0]))
                parts.append(_double(second) if isinstance(second, float) else _string(second))
    parts += [bytes([_EOF]), bytes(8)]
    return b"".join(parts)


def _expand(data: bytes, size: int) -> bytes:
    """A string that was compressed with LZF: runs of literals and references to what came."""
    out = bytearray()
    position = 0
    try:
        while position < len(data):
            control = data[position]
            position += 1
            if control < 32:
                out += data[position : position + control + 1]
                position += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += data[position]
                position += 1
            start = len(out) - ((control & 31) << 8) - data[position] - 1
            position += 1
            if start < 0:
                raise IndexError
            for index in range(start, start + length + 2):
                out.append(out[index])
    except IndexError:
        raise BadDump("Invalid LZF compressed string") from None
    if len(out) != size:
        raise BadDump("Invalid LZF compressed string")
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, size: int) -> bytes:
        chunk = self._data[self._position : self._position + size]
        if len(chunk) < size:
            raise BadDump("Short read or OOM loading DB. Unrecoverable error, aborting now.")
        self._position += size
        return chunk

    def rest(self) -> bytes:
        return self._data[self._position :]

    def byte(self) -> int:
        return self.take(1)[0]

    def length(self) -> tuple[int, bool]:
        """A length, or the number of a special encoding (second value true)."""
        first = self.byte()
        top = first >> 6
        if top == 0:
            return first & 0x3F, False
        if top == 1:
            return (first & 0x3F) << 8 | self.byte(), False
        if top == 3:
            return first & 0x3F, True
        if first == 0x81:
            return int(struct.unpack(">Q", self.take(8))[0]), False
        return int(struct.unpack(">I", self.take(4))[0]), False

    def count(self) -> int:
        number, special = self.length()
        if special:
            raise BadDump("Unexpected length encoding")
        return number

    def string(self) -> bytes:
        number, special = self.length()
        if not special:
            return self.take(number)
        if number == _LZF:
            packed, whole = self.count(), self.count()
            return _expand(self.take(packed), whole)
        if number not in _INTEGERS:
            raise BadDump(f"Unknown RDB string encoding type {number}")
        form, bits = _INTEGERS[number]
        (value,) = struct.unpack(form, self.take(bits // 8))
        return str(value).encode()

    def double(self) -> float:
        size = self.byte()
        special = {253: float("nan"), 254: float("inf"), 255: float("-inf")}
        return special[size] if size in special else float(self.take(size))


def load(data: bytes) -> list[Entry]:
    """The keys in a file.

    :raises BadDump: with the message for the log.
    """
    return load_first(data)[0]


def load_first(data: bytes) -> tuple[list[Entry], bytes]:
    """The keys of the dump with which a file begins, and what follows it.

    :raises BadDump: with the message for the log.
    """
    reader = _Reader(data)
    if reader.take(5) != MAGIC:
        raise BadDump("Wrong signature trying to load DB from file")
    try:
        version = int(reader.take(4))
    except ValueError:
        version = 0
    if not 1 <= version <= 12:
        raise BadDump(f"Can't handle RDB format version {version}")
    entries: list[Entry] = []
    database, expires = 0, None
    while True:
        code = reader.byte()
        if code == _EOF:
            if version >= 5:
                reader.take(min(8, len(reader.rest())))  # the checksum; its loss harms nobody
            return entries, reader.rest()
        if code == _SELECT:
            database = reader.count()
        elif code == _EXPIRE_MS:
            expires = int(struct.unpack("<Q", reader.take(8))[0])
        elif code == _EXPIRE_S:
            expires = int(struct.unpack("<i", reader.take(4))[0]) * 1000
        elif code == _AUX:
            reader.string(), reader.string()
        elif code == _RESIZE:
            reader.count(), reader.count()
        elif code == _SLOT:
            reader.count(), reader.count(), reader.count()
        elif code == _IDLE:
            reader.count()
        elif code == _FREQUENCY:
            reader.byte()
        else:
            entries.append(_entry(reader, code, database, expires))
            expires = None


def _entry(reader: _Reader, code: int, database: int, expires: int | None) -> Entry:
    kind: Kind
    value: Value
    if code == _FUNCTION:
        raise BadDump("Functions are not supported by the embedded engine")
    known = code < len(_TYPES) or code in {*_PACKED, _ZSET_BINARY, _QUICKLIST, _QUICKLIST_2}
    if not known:
        raise BadDump(f"Values of RDB type {code} are not supported by the embedded engine")
    key = reader.string()
    try:
        if code in _PACKED:
            kind, unpack = _PACKED[code]
            value = _packed(kind, unpack(reader.string()))
        elif code in {_QUICKLIST, _QUICKLIST_2}:
            kind, value = "list", _quicklist(reader, code)
        else:
            kind = "zset" if code == _ZSET_BINARY else _TYPES[code]
            value = _value(reader, code)
    except (BadEncoding, ValueError) as error:
        raise BadDump(f"Internal error in RDB reading, key {key!r}: {error}") from None
    return Entry(database, key, kind, value, expires)


def _value(reader: _Reader, code: int) -> Value:
    """A value in its plain form: a string, or a count and so many strings."""
    if code == 0:
        return reader.string()
    count = reader.count()
    if code == _ZSET_BINARY:
        return [
            (reader.string(), float(struct.unpack("<d", reader.take(8))[0])) for _ in range(count)
        ]
    kind = _TYPES[code]
    if kind == "zset":
        return [(reader.string(), reader.double()) for _ in range(count)]
    if kind == "hash":
        return [(reader.string(), reader.string()) for _ in range(count)]
    return [reader.string() for _ in range(count)]


def _packed(kind: Kind, items: list[bytes]) -> Value:
    """What the items of a packed string are: a list, or names with their values in turn."""
    if kind not in {"hash", "zset"}:
        return items
    if len(items) % 2:
        raise BadEncoding("a value is missing")
    pairs = list(zip(items[::2], items[1::2], strict=True))
    return [(name, float(score)) for name, score in pairs] if kind == "zset" else pairs


def _quicklist(reader: _Reader, code: int) -> list[bytes]:
    """A long list: several packed ones; since 7.0 a large item stands for itself."""
    items: list[bytes] = []
    for _ in range(reader.count()):
        form = reader.count() if code == _QUICKLIST_2 else 0
        node = reader.string()
        if form == _PLAIN_NODE:
            items.append(node)
        else:
            items += listpack(node) if code == _QUICKLIST_2 else ziplist(node)
    return items
