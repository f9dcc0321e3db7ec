"""Programs about the system: its name, memory, parameters."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    human,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.procfs import KERNEL, TOTAL_KB


async def true(_proc: Process) -> int:
    """Succeed."""
    return 0


async def false(_proc: Process) -> int:
    """Fail."""
    return 1


MACHINE = "x86_64"


@program(
    "amnprsvio",
    "[-amnrspvio]",
    "Print system information",
    long={
        "all": "a",
        "machine": "m",
        "nodename": "n",
        "processor": "p",
        "kernel-release": "r",
        "kernel-name": "s",
        "kernel-version": "v",
    },
)
async def uname(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the names of kernel and machine."""
    if words:
        raise UsageError
    values = {
        "s": "Linux", "n": proc.machine.hostname, "r": KERNEL, "v": "#1 SMP embedded engine",
        "m": MACHINE, "p": "unknown", "i": "unknown", "o": "Linux",
    }  # fmt: skip
    chosen = [letter for letter in values if letter in options]
    if "a" in options:
        chosen = ["s", "n", "r", "v", "m", "o"]
    await proc.out(" ".join(values[letter] for letter in chosen or ["s"]) + "\n")
    return 0


@program("", "", "Print system architecture")
async def arch(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the machine's type."""
    await proc.out(f"{MACHINE}\n")
    return 0


@program("", "", "Display the time since the last boot")
async def uptime(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print how long the container has been up."""
    from course_lib.engine.userland.applets.dates import format_date

    machine = proc.machine
    up = int(machine.clock.monotonic() - machine.booted) // 60
    days, rest = divmod(up, 1440)
    text = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    text += f"{rest // 60:2d}:{rest % 60:02d}" if rest >= 60 else f"{rest} min"
    now = format_date(machine.clock.time_ns(), "%H:%M:%S")
    await proc.out(f" {now} up {text},  0 users,  load average: 0.00, 0.00, 0.00\n")
    return 0


@program("bkmgh", "[-bkmgh]", "Display free and used memory")
async def free(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Print how much memory there is."""
    used = 4096 * len(proc.machine.table)
    unit = {"b": 1 / 1024, "m": 1024, "g": 1 << 20}.get(
        next((c for c in "bmg" if c in options), ""), 1
    )

    def shown(kilobytes: int) -> str:
        return human(kilobytes * 1024) if "h" in options else str(int(kilobytes / unit))

    rows = [("Mem:", TOTAL_KB, used), ("Swap:", 0, 0)]
    heading = ["total", "used", "free", "shared", "buff/cache", "available"]
    await proc.out(" " * 7 + "".join(f"{name:>12}" for name in heading) + "\n")
    for name, total, taken in rows:
        cells = [total, taken, total - taken]
        if name == "Mem:":
            cells += [0, 0, total - taken]
        await proc.out(f"{name:<8}" + " ".join(f"{shown(cell):>11}" for cell in cells) + "\n")
    return 0


@program("", "", "Print number of available CPUs", long={"all": "a", "ignore=": "i"})
async def nproc(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Print the number of processors."""
    count = (os.cpu_count() or 1) - int(options.get("i", "0"))
    await proc.out(f"{max(1, count)}\n")
    return 0


@program("enNwpqaA", "[-enqw] [VAR=VALUE]...|[-p [FILE]]", "Configure kernel parameters at runtime")
async def sysctl(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show kernel parameters; they cannot be changed from a container."""
    status = 0
    if "a" in options or "A" in options:
        words = [key.replace("/", ".") for key in _sysctl_keys(proc, "/proc/sys")]
    for word in words:
        key, equals, _ = word.partition("=")
        path = "/proc/sys/" + key.replace(".", "/")
        try:
            value = proc.fs.read_bytes(path).decode().rstrip("\n")
        except OSError as error:
            wrong = f"error reading key '{key}': {reason(error)}"
            if isinstance(error, FileNotFoundError):
                wrong = f"error: '{key}' is an unknown key"
            await proc.err(f"sysctl: {wrong}\n")
            status = 1
            continue
        if equals:
            await proc.err(f"sysctl: error setting key '{key}': Read-only file system\n")
            status = 1
        elif "n" in options:
            await proc.out(f"{value}\n")
        else:
            await proc.out(f"{key}\n" if "N" in options else f"{key} = {value}\n")
    return status


def _sysctl_keys(proc: ContainerProcess, folder: str) -> list[str]:
    import stat

    found = []
    for name in sorted(proc.fs.listdir(folder)):
        path = f"{folder}/{name}"
        if stat.S_ISDIR(proc.fs.stat(path).mode):
            found += _sysctl_keys(proc, path)
        else:
            found.append(path.removeprefix("/proc/sys/"))
    return found


@program("cn:rs:", "[-cr] [-n LEVEL] [-s SIZE]", "Print or control the kernel ring buffer")
async def dmesg(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Refused, as in an unprivileged container."""
    raise Fail("klogctl: Operation not permitted")


@program("", "", "Print out a unique 32-bit identifier for the machine")
async def hostid(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print a number for this machine."""
    await proc.out(f"{int(proc.machine.container_id[:8], 16):08x}\n")
    return 0
