"""``dd``."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    human,
    program,
    reason,
    size,
)
from course_lib.engine.userland.process import ContainerProcess


async def _dd_run(proc: ContainerProcess, given: dict[str, str]) -> tuple[list[int], int, int]:
    """Copy; gives whole and partial blocks in and out, bytes, and the exit code."""
    block_in = block_out = size(given.get("bs", "512"))
    if "bs" not in given:
        block_in, block_out = size(given.get("ibs", "512")), size(given.get("obs", "512"))
    if not block_in or not block_out:
        raise Fail("number 0 is not in 1..2147483647 range")
    count = size(given["count"]) if "count" in given else None
    conversions = set(filter(None, given.get("conv", "").split(",")))
    unknown = conversions - {"notrunc", "noerror", "sync", "fsync", "swab", "ucase", "lcase"}
    if unknown:
        raise Fail(f"invalid argument '{given['conv']}' for 'conv'")
    reading = _dd_open(proc, given, "if", os.O_RDONLY) or proc.stdin.dup()
    seek = size(given.get("seek", "0")) * block_out
    flags = os.O_WRONLY | os.O_CREAT
    if not seek and "notrunc" not in conversions:
        flags |= os.O_TRUNC
    writing = _dd_open(proc, given, "of", flags) or proc.stdout.dup()
    records = [0, 0, 0, 0]
    total = status = 0
    try:
        await _dd_skip(reading, size(given.get("skip", "0")) * block_in)
        if seek and "of" in given:
            if "notrunc" not in conversions:
                writing.truncate(seek)
            writing.seek(seek)
        while count is None or records[0] + records[1] < count:
            data = await reading.read(block_in)
            if not data:
                break
            records[0 if len(data) == block_in else 1] += 1
            if "sync" in conversions:
                data = data.ljust(block_in, b"\0")
            if "swab" in conversions:
                data = _swapped(data)
            if "ucase" in conversions:
                data = data.upper()
            if "lcase" in conversions:
                data = data.lower()
            await proc.tick()
            try:
                await writing.write(data)
            except BrokenPipeError:
                raise
            except OSError as error:
                name = given.get("of", "standard output")
                await proc.err(f"dd: error writing '{name}': {reason(error)}\n")
                status = 1
                break
            total += len(data)
            records[2 if len(data) == block_out else 3] += 1
    finally:
        reading.close()
        writing.close()
    if block_in != block_out:
        records[2], records[3] = divmod(total, block_out)
        records[3] = int(records[3] > 0)
    return records, total, status


def _swapped(data: bytes) -> bytes:
    """Each two bytes in the other order; a last odd one stays."""
    out = bytearray(data)
    even = len(data) & ~1
    out[0:even:2], out[1:even:2] = data[1:even:2], data[0:even:2]
    return bytes(out)


def _dd_open(
    proc: ContainerProcess, given: dict[str, str], key: str, flags: int
) -> OpenFile | None:
    if key not in given:
        return None
    try:
        return proc.fs.open(proc.path(given[key]), flags, 0o666 & ~proc.umask)
    except OSError as error:
        raise Fail(f"can't open '{given[key]}': {reason(error)}") from None


async def _dd_skip(reading: OpenFile, skip: int) -> None:
    if not skip:
        return
    try:
        reading.seek(skip)
    except OSError:
        while skip > 0:
            data = await reading.read(min(skip, 65536))
            if not data:
                break
            skip -= len(data)


@program(
    "",
    "[if=FILE] [of=FILE] [ibs=N obs=N/bs=N] [count=N] [skip=N] [seek=N]\n"
    "\t[conv=notrunc|noerror|sync|fsync] [status=none|noxfer]",
    "Copy a file with converting and formatting",
)
async def dd(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Copy blocks."""
    given: dict[str, str] = {}
    known = {"if", "of", "ibs", "obs", "bs", "count", "skip", "seek", "conv", "status", "iflag",
             "oflag"}  # fmt: skip
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise UsageError
        given[key] = value
    started = proc.machine.clock.monotonic()
    try:
        records, total, status = await _dd_run(proc, given)
    except BrokenPipeError:
        raise
    except OSError as error:
        name = given.get("if", "standard input")
        await proc.err(f"dd: error reading '{name}': {reason(error)}\n")
        return 1
    if given.get("status") == "none":
        return status
    await proc.err(f"{records[0]}+{records[1]} records in\n{records[2]}+{records[3]} records out\n")
    if given.get("status") != "noxfer":
        seconds = max(proc.machine.clock.monotonic() - started, 0.000001)
        rate = human(total / seconds)
        await proc.err(
            f"{total} bytes ({human(total)}B) copied, {seconds:.6f} seconds, {rate}B/s\n"
        )
    return status
