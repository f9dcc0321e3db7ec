"""``dd``."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    human,
    is_gnu,
    program,
    reason,
    size,
)
from course_lib.engine.userland.process import ContainerProcess

_FLAGS = {
    "conv": {"notrunc", "sync", "noerror", "fsync", "swab"},
    "iflag": {"skip_bytes", "count_bytes", "fullblock", "direct"},
    "oflag": {"seek_bytes", "append", "direct"},
}
_CASES = {"ucase", "lcase"}
"""Conversions of GNU's alone."""


def _flags(proc: ContainerProcess, given: dict[str, str]) -> set[str]:
    """The words of ``conv``, ``iflag`` and ``oflag`` together.

    :raises Fail: one that is not known.
    """
    found = set()
    for key, known in _FLAGS.items():
        more = _CASES if key == "conv" and is_gnu(proc) else set()
        for word in given[key].split(",") if key in given else ():
            if word not in known | more:
                raise Fail(f"invalid argument '{word}' to '{key}'")
            found.add(word)
    return found


async def _dd_run(proc: ContainerProcess, given: dict[str, str]) -> tuple[list[int], int, int]:
    """Copy; gives whole and partial blocks in and out, bytes, and the exit code."""
    block_in = block_out = size(given.get("bs", "512"))
    if "bs" not in given:
        block_in, block_out = size(given.get("ibs", "512")), size(given.get("obs", "512"))
    if not block_in or not block_out:
        raise Fail("number 0 is not in 1..2147483647 range")
    count = size(given["count"]) if "count" in given else None
    flags = _flags(proc, given)
    reading = _dd_open(proc, given, "if", os.O_RDONLY) or proc.stdin.dup()
    skip = size(given.get("skip", "0")) * (1 if "skip_bytes" in flags else block_in)
    seek = size(given.get("seek", "0")) * (1 if "seek_bytes" in flags else block_out)
    how = os.O_WRONLY | os.O_CREAT
    if not seek and "notrunc" not in flags:
        how |= os.O_TRUNC
    if "append" in flags:
        how |= os.O_APPEND
    writing = _dd_open(proc, given, "of", how) or proc.stdout.dup()
    records = [0, 0, 0, 0]
    total = status = odd = 0
    try:
        await _dd_skip(reading, skip)
        if seek and "of" in given:
            if "notrunc" not in flags:
                writing.truncate(seek)
            writing.seek(seek)
        while count is None or count > 0:
            wanted = block_in if count is None or "count_bytes" not in flags else count
            data = await reading.read(min(block_in, wanted))
            if not data:
                break
            records[0 if len(data) == block_in else 1] += 1
            if count is not None:
                count -= len(data) if "count_bytes" in flags else 1
            if "swab" in flags and odd:
                raise Fail(f"can't swab {odd} byte buffer")
            odd = len(data) if len(data) % 2 else 0
            data = _converted(data, flags, block_in)
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


def _converted(data: bytes, flags: set[str], block: int) -> bytes:
    if "swab" in flags:
        data = _swapped(data)
    if "sync" in flags:
        data = data.ljust(block, b"\0")
    if "ucase" in flags:
        data = data.upper()
    if "lcase" in flags:
        data = data.lower()
    return data


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
        if word == "--":
            continue
        key, equals, value = word.partition("=")
        if not equals or key not in known:
            raise UsageError
        given[key] = value
    if given.get("status", "none") not in ("none", "noxfer"):
        raise Fail(f"invalid argument '{given['status']}' to 'status'")
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
