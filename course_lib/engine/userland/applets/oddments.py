"""Small programs that have no relatives: ``factor``, ``fallocate``, ``shred``, ``tsort`` …"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from graphlib import CycleError, TopologicalSorter

from course_lib.engine.userland.applets.common import (
    Contents,
    Fail,
    Options,
    UsageError,
    byte_lines,
    decode,
    program,
    read_file,
    reason,
    size,
)
from course_lib.engine.userland.process import ContainerProcess

_LARGEST = 1 << 64


@program("", "[NUMBER]...", "Print prime factors")
async def factor(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print the prime factors of numbers."""
    if not words:
        words = decode(await read_file(proc, "-")).split()
    for word in words:
        text = word.lstrip("+")
        if not text.isdigit() or int(text) >= _LARGEST:
            raise UsageError
        await proc.out(f"{int(text)}:")
        async for prime in _primes(proc, int(text)):
            await proc.out(f" {prime}")
        await proc.out("\n")
    return 0


async def _primes(proc: ContainerProcess, number: int) -> AsyncIterator[int]:
    divisor, step = 2, 1
    while divisor * divisor <= number:
        if not divisor & 0xFFF:
            await proc.tick()
        while number % divisor == 0:
            yield divisor
            number //= divisor
        divisor, step = divisor + step, 2
    if number > 1:
        yield number


@program("l:o:", "[-o OFS] -l LEN FILE", "Preallocate space for FILE", least=1, most=1)
async def fallocate(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Make a file at least that long."""
    if "l" not in options:
        raise UsageError
    length = size(options["l"])
    wanted = size(options.get("o", "0")) + length
    if not length:
        raise Fail(f"fallocate '{words[0]}': Invalid argument")
    try:
        file = proc.fs.open(proc.path(words[0]), os.O_RDWR | os.O_CREAT, 0o666 & ~proc.umask)
        try:
            if file.stat().size < wanted:
                file.truncate(wanted)
        finally:
            file.close()
    except OSError as error:
        raise Fail(f"can't open '{words[0]}': {reason(error)}") from None
    return 0


@program("fuzn:vxs:", "[-fuz] [-n N] [-s SIZE] FILE...", "Overwrite/delete FILEs", least=1)
async def shred(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Overwrite files with random bytes."""
    rounds = size(options.get("n", "3"))
    for word in words:
        path = proc.path(word)
        try:
            file = proc.fs.open(path, os.O_WRONLY)
        except OSError as error:
            raise Fail(f"can't open '{word}': {reason(error)}") from None
        try:
            length = size(options["s"]) if "s" in options else file.stat().size
            random = proc.machine.ids.random
            for number in range(rounds + ("z" in options)):
                file.seek(0)
                for start in range(0, length, 65536):
                    count = min(65536, length - start)
                    last = number == rounds
                    await proc.tick()
                    await file.write(bytes(count) if last else random.randbytes(count))
            if "u" in options:
                file.truncate(0)
        finally:
            file.close()
        if "u" in options:
            proc.fs.unlink(path)
    return 0


@program("", "[FILE]", "Topological sort", most=1)
async def tsort(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Sort so that what is named first of a pair comes before the second."""
    try:
        items = decode(await read_file(proc, words[0] if words else "-")).split()
    except OSError as error:
        raise Fail(f"{words[0]}: {reason(error)}") from None
    if len(items) % 2:
        raise Fail("input contains an odd number of tokens")
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for before, after in zip(items[::2], items[1::2], strict=True):
        sorter.add(after, *([before] if before != after else []))
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        raise Fail("cycle at " + str(error.args[1][0])) from None
    await proc.out("".join(f"{item}\n" for item in order))
    return 0


@program("is", "[-is] [STRFTIME]", "Pipe stdin to stdout, add timestamp to each line", most=1)
async def ts(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Put the time before each line."""
    from datetime import UTC, datetime

    spans = "i" in options or "s" in options
    template = words[0] if words else "%H:%M:%S" if spans else "%b %d %H:%M:%S"
    clock = proc.machine.clock
    since = clock.time_ns() if spans else 0
    async for line in byte_lines(proc, proc.stdin):
        now = clock.time_ns()
        shown = datetime.fromtimestamp((now - since) / 1e9, UTC).strftime(template)
        if "i" in options:
            since = now
        await proc.out(f"{shown} ".encode() + line)
    return 0


@program("rs", "[-rs] [FILE]...", "Checksum and count the blocks in a file")
async def sum_(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the checksums of old Unix systems."""
    contents = Contents(proc, "sum", words)
    async for name, data in contents:
        if "s" in options:
            total = sum(data)
            total = (total & 0xFFFF) + ((total & 0xFFFFFFFF) >> 16)
            total = (total & 0xFFFF) + (total >> 16)
            await proc.out(f"{total} {(len(data) + 511) // 512} {name}\n")
            continue
        total = 0
        for byte in data:
            total = ((total >> 1) + ((total & 1) << 15) + byte) & 0xFFFF
        shown = f" {name}" if len(words) > 1 else ""
        await proc.out(f"{total:05d} {(len(data) + 1023) // 1024:>5}{shown}\n")
    return contents.status


@program("mbnphs", "[-bnmphs] ADDRESS[/PREFIX] [NETMASK]", "Calculate network settings", least=1,
         most=2, long={"netmask": "m", "broadcast": "b", "network": "n", "prefix": "p",
                       "hostname": "h", "silent": "s"})  # fmt: skip
async def ipcalc(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print netmask, broadcast and network of an address."""
    from ipaddress import IPv4Address, IPv4Network

    if not any(letter in options for letter in "bnpmh") or (
        len(words) > 1 and not any(letter in options for letter in "bnp")
    ):
        raise UsageError
    text, slash, prefix = words[0].partition("/")
    try:
        address = IPv4Address(text)
    except ValueError:
        raise Fail(f"bad IP address: {text}") from None
    if slash and len(words) > 1:
        raise Fail("use prefix or netmask, not both")
    first = int(address) >> 24
    mask = words[1] if len(words) > 1 else prefix or str(8 if first < 128 else 16 if first < 192
                                                         else 24)  # fmt: skip
    try:
        network = IPv4Network(f"{address}/{mask}", strict=False)
    except ValueError:
        raise Fail(f"bad netmask: {mask}") from None
    if "m" in options:
        await proc.out(f"NETMASK={network.netmask}\n")
    if "b" in options:
        await proc.out(f"BROADCAST={network.broadcast_address}\n")
    if "n" in options:
        await proc.out(f"NETWORK={network.network_address}\n")
    if "p" in options:
        await proc.out(f"PREFIX={network.prefixlen}\n")
    if "h" in options:
        raise Fail("-h is not supported by the embedded engine")
    return 0


@program("d:nfw", "[-d DELAY] [-nf]", "Halt the system")
async def halt(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Ask PID 1 to halt, power off or reboot, as BusyBox asks its own ``init``."""
    from course_lib.engine.userland import signals

    if "f" in options:
        raise Fail("Operation not permitted")
    name = proc.argv[0].rsplit("/", 1)[-1]
    signal = {"halt": "USR1", "poweroff": "USR2"}.get(name, "TERM")
    proc.machine.kill(proc, 1, signals.NUMBERS[signal])
    return 0
