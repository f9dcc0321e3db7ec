"""Checksums."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Any

from course_lib.engine.interfaces import Applet, Process
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    byte_lines,
    decode,
    open_input,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


async def _digest(proc: ContainerProcess, name: str, make: Callable[[], Any]) -> str:
    file = open_input(proc, name)
    digest = make()
    try:
        while chunk := await file.read(1 << 18):
            await proc.tick()
            digest.update(chunk)
    finally:
        file.close()
    return str(digest.hexdigest())


def _summer(name: str, make: Callable[[], Any]) -> Applet:
    @program(
        "cswbt",
        "[-c[sw]] [FILE]...",
        "Print or check checksums",
        name=name,
        long={"check": "c", "status": "s", "quiet": "s", "warn": "w", "binary": "b"},
    )
    async def run(proc: ContainerProcess, options: Options, words: list[str]) -> int:
        """Print or check checksums."""
        if "c" in options:
            return await _check(proc, options, words, name, make)
        if "s" in options or "w" in options:
            raise UsageError
        status = 0
        for word in words or ["-"]:
            try:
                await proc.out(f"{await _digest(proc, word, make)}  {word}\n")
            except OSError as error:
                verb = "read" if isinstance(error, IsADirectoryError) else "open"
                await proc.err(f"{name}: can't {verb} '{word}': {reason(error)}\n")
                status = 1
        return status

    return run


async def _check(
    proc: ContainerProcess,
    options: Options,
    words: list[str],
    name: str,
    make: Callable[[], Any],
) -> int:
    failed = total = 0
    for word in words or ["-"]:
        try:
            file = open_input(proc, word)
        except OSError as error:
            raise Fail(f"{word}: {reason(error)}") from None
        async for raw in byte_lines(proc, file):
            match = re.match(r"([0-9a-fA-F]+) [ *](.*)\Z", decode(raw).rstrip("\n"))
            if match is None:
                if "w" in options:
                    await proc.err(f"{name}: invalid format\n")
                continue
            total += 1
            try:
                right = await _digest(proc, match[2], make) == match[1].lower()
            except OSError as error:
                await proc.err(f"{name}: can't open '{match[2]}': {reason(error)}\n")
                right = False
            failed += not right
            if "s" not in options:
                await proc.out(f"{match[2]}: {'OK' if right else 'FAILED'}\n")
        file.close()
    if not total:
        raise Fail("WARNING: 1 of 1 computed checksums did NOT match")
    if failed and "s" not in options:
        await proc.err(f"{name}: WARNING: {failed} of {total} computed checksums did NOT match\n")
    return int(failed > 0)


md5sum = _summer("md5sum", lambda: hashlib.md5(usedforsecurity=False))


sha1sum = _summer("sha1sum", lambda: hashlib.sha1(usedforsecurity=False))


sha256sum = _summer("sha256sum", hashlib.sha256)


sha512sum = _summer("sha512sum", hashlib.sha512)


sha384sum = _summer("sha384sum", hashlib.sha384)


async def sha3sum(proc: Process) -> int:
    """Print or check SHA-3 of 224 bits, or as many as ``-a`` says."""
    width, words = "224", list(proc.argv[1:])
    if words and words[0].startswith("-a"):
        width = words.pop(0)[2:] or (words.pop(0) if words else "")
    kinds = {"224": hashlib.sha3_224, "256": hashlib.sha3_256, "384": hashlib.sha3_384,
             "512": hashlib.sha3_512}  # fmt: skip
    if width not in kinds:
        await proc.err(f"sha3sum: bad -a{width}\n")
        return 1
    proc.argv[1:] = words
    return await _summer("sha3sum", kinds[width])(proc)


@program("hilL", "[FILE]...", "Calculate CRC32 checksum of FILEs")
async def crc32(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print CRC-32 of files."""
    for word in words or ["-"]:
        try:
            data = await read_file(proc, word)
        except OSError as error:
            raise Fail(f"{word}: {reason(error)}") from None
        await proc.out(f"{zlib.crc32(data):08x}" + (f" {word}" if words else "") + "\n")
    return 0


@program("", "[FILE]...", "Calculate CRC checksum and byte count of FILEs")
async def cksum(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print POSIX checksums of files."""
    status = 0
    for word in words or ["-"]:
        try:
            data = await read_file(proc, word)
        except OSError as error:
            await proc.err(f"cksum: {word}: {reason(error)}\n")
            status = 1
            continue
        await proc.out(f"{_posix_crc(data)} {len(data)}{f' {word}' if words else ''}\n")
    return status


def _crc_table() -> list[int]:
    table = []
    for number in range(256):
        value = number << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


def _posix_crc(data: bytes) -> int:
    table = _crc_table()
    crc = 0
    length = len(data)
    tail = bytearray()
    while length:
        tail.append(length & 0xFF)
        length >>= 8
    for byte in data + bytes(tail):
        crc = ((crc << 8) & 0xFFFFFFFF) ^ table[((crc >> 24) ^ byte) & 0xFF]
    return ~crc & 0xFFFFFFFF
