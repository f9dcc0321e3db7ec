"""Alpine's ``apk``, with the few packages that the lessons add.

There is no package mirror behind it: the programs are parts of the engine, and a package only
puts their files in place.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets import net_options as opt


@dataclass(frozen=True, slots=True)
class Package:
    """A package of Alpine 3.20: its version, what it needs, its programs (path → applet)."""

    version: str
    programs: dict[str, str]
    needs: tuple[str, ...] = ()
    size: int = 500


PACKAGES: dict[str, Package] = {
    "bash": Package("5.2.26-r0", {"/bin/bash": "bash"}, ("readline",), 1200),
    "bind-libs": Package("9.18.33-r0", {}, (), 3300),
    "bind-tools": Package(
        "9.18.33-r0", {"/usr/bin/dig": "dig", "/usr/bin/host": "host"}, ("bind-libs",), 900
    ),
    "curl": Package("8.11.1-r0", {"/usr/bin/curl": "curl"}, ("libcurl",), 260),
    "drill": Package("1.8.3-r3", {"/usr/bin/drill": "drill"}, ("ldns",), 120),
    "iproute2": Package("6.9.0-r0", {"/sbin/ip": "ip-iproute2"}, ("libelf",), 1100),
    "iputils": Package("20240117-r0", {"/bin/ping": "ping-iputils"}, (), 200),
    "iputils-ping": Package("20240117-r0", {"/bin/ping": "ping-iputils"}, (), 100),
    "ldns": Package("1.8.3-r3", {}, (), 700),
    "libcurl": Package("8.11.1-r0", {}, (), 900),
    "libelf": Package("0.191-r0", {}, (), 200),
    "readline": Package("8.2.10-r0", {}, (), 300),
    "redis": Package(
        "7.4.2-r0",
        {"/usr/bin/redis-server": "redis-server-7.4", "/usr/bin/redis-cli": "redis-cli"},
        (),
        3600,
    ),
}  # fmt: skip

_BASE_PACKAGES = 14
_BASE_SIZE = 7800
_INSTALLED = "/lib/apk/db/installed"
_WORLD = "/etc/apk/world"
_LONG = {
    "no-cache": "n", "update-cache": "U", "quiet": "q", "verbose": "v", "virtual=": "t",
    "repository=": "X", "update": "U", "upgrade": "u", "force": "f", "no-progress": "p",
    "version": "V", "help": "h", "allow-untrusted": "a", "interactive": "i", "simulate": "s",
}  # fmt: skip
_USAGE = """usage: apk [<OPTIONS>...] COMMAND [<ARGUMENTS>...]

Commands of the embedded engine:
  add       Add packages to WORLD and commit changes
  del       Remove packages from WORLD and commit changes
  info      Give detailed information about packages or repositories
  search    Search for packages by name
  update    Update repository indexes
"""


class _Database:
    """What is installed in the container, kept where apk keeps it."""

    def __init__(self, proc: Process) -> None:
        self._fs = proc.fs

    def installed(self) -> dict[str, str]:
        """Package → version, of those added here."""
        return {
            row[2:]: version[2:]
            for row, version in self._pairs()
            if row.startswith("P:") and version.startswith("V:")
        }

    def _pairs(self) -> list[tuple[str, str]]:
        lines = self._read(_INSTALLED)
        return list(pairwise(lines))

    def world(self) -> list[str]:
        """Packages that were asked for by name."""
        return self._read(_WORLD)

    def _read(self, path: str) -> list[str]:
        try:
            return self._fs.read_bytes(path).decode(errors="replace").split("\n")[:-1]
        except OSError:
            return []

    def write(self, installed: dict[str, str], world: list[str]) -> None:
        """Keep both lists."""
        for folder in ("/lib/apk", "/lib/apk/db"):
            with suppress(FileExistsError):
                self._fs.mkdir(folder, 0o755)
        rows = "".join(f"P:{name}\nV:{version}\n\n" for name, version in sorted(installed.items()))
        self._fs.write_bytes(_INSTALLED, rows.encode())
        self._fs.write_bytes(_WORLD, "".join(f"{name}\n" for name in sorted(world)).encode())


async def apk(proc: Process) -> int:
    """Add, remove and list packages."""
    try:
        options = opt.parse(proc.argv[1:], "Uuqvt:X:fiphVs", _LONG)
    except opt.UsageError as error:
        await proc.err(f"apk: {error}\n")
        return 1
    if "V" in options:
        await proc.out("apk-tools 2.14.4, compiled for x86_64.\n")
        return 0
    if not options.words or "h" in options:
        await proc.out(f"apk-tools 2.14.4, compiled for x86_64.\n\n{_USAGE}")
        return 0 if "h" in options else 1
    command, *names = options.words
    if "t" in options:
        await proc.err("apk: virtual packages are not supported by the embedded engine\n")
        return 1
    database = _Database(proc)
    match command:
        case "add":
            return await _guarded(proc, _add(proc, database, names, quiet="q" in options))
        case "del":
            return await _guarded(proc, _delete(proc, database, names, quiet="q" in options))
        case "update" | "upgrade" | "fix" | "cache":
            count, size = _totals(database.installed())
            await proc.out(f"OK: {size} in {count} packages\n")
            return 0
        case "info" | "list":
            return await _info(proc, database, names)
        case "search":
            for name, package in sorted(PACKAGES.items()):
                if not names or any(word in name for word in names):
                    await proc.out(f"{name}-{package.version}\n")
            return 0
        case "version" | "policy" | "stats" | "fetch" | "index" | "verify" | "dot" | "audit":
            await proc.err(f"apk: '{command}' is not supported by the embedded engine\n")
            return 1
        case _:
            await proc.err(f"apk: '{command}' is not an apk command. See 'apk --help'.\n")
            return 1


async def _guarded(proc: Process, work: Awaitable[int]) -> int:
    """The result of ``work``, or apk's words where the file system refuses."""
    try:
        return await work
    except OSError as error:
        if error.errno in {errno.EACCES, errno.EPERM}:
            reason = "Permission denied"
        elif error.errno == errno.EROFS:
            reason = "Read-only file system"
        else:
            raise
        await proc.err(
            f"ERROR: Unable to lock database: {reason}\n"
            f"ERROR: Failed to open apk database: {reason}\n"
        )
        return 99


def _totals(installed: dict[str, str]) -> tuple[int, str]:
    size = _BASE_SIZE + sum(PACKAGES[name].size for name in installed if name in PACKAGES)
    return _BASE_PACKAGES + len(installed), f"{size // 1024} MiB"


async def _missing(proc: Process, names: list[str]) -> None:
    await proc.err("ERROR: unable to select packages:\n")
    for name in names:
        await proc.err(f"  {name} (no such package):\n    required by: world[{name}]\n")


def _plain(name: str) -> str:
    """A package's name without a version or repository constraint."""
    for mark in ("@", "=", "<", ">", "~"):
        name = name.partition(mark)[0]
    return name


async def _add(proc: Process, database: _Database, names: list[str], *, quiet: bool) -> int:
    wanted = [_plain(name) for name in names]
    unknown = [name for name in wanted if name not in PACKAGES]
    installed = database.installed()
    if unknown:
        await _missing(proc, unknown)
        return len(unknown)
    order: list[str] = []
    for name in wanted:
        for each in (*PACKAGES[name].needs, name):
            if each not in installed and each not in order:
                order.append(each)
    database.write(installed, database.world())  # says now whether it may be written
    for number, name in enumerate(order, 1):
        package = PACKAGES[name]
        if not quiet:
            await proc.out(f"({number}/{len(order)}) Installing {name} ({package.version})\n")
        for path, program in package.programs.items():
            _replace(proc, path, f"#!embedded {program}\n")
        installed[name] = package.version
    database.write(installed, sorted({*database.world(), *wanted}))
    count, size = _totals(installed)
    if not quiet:
        await proc.out(f"OK: {size} in {count} packages\n")
    return 0


def _replace(proc: Process, path: str, text: str) -> None:
    with suppress(FileNotFoundError):
        proc.fs.unlink(path)
    proc.fs.write_bytes(path, text.encode(), 0o755)


async def _delete(proc: Process, database: _Database, names: list[str], *, quiet: bool) -> int:
    installed = database.installed()
    leaving = [name for name in names if name in installed]
    still = {
        need
        for name in database.world()
        if name in PACKAGES and name not in leaving
        for need in PACKAGES[name].needs
    }
    for name in list(leaving):
        needs = PACKAGES[name].needs if name in PACKAGES else ()
        leaving += [n for n in needs if n in installed and n not in still]
    for number, name in enumerate(leaving, 1):
        if not quiet:
            await proc.out(f"({number}/{len(leaving)}) Purging {name} ({installed[name]})\n")
        for path in PACKAGES[name].programs if name in PACKAGES else ():
            if proc.fs.access(path, os.F_OK):
                proc.fs.unlink(path)
            applet = path.rpartition("/")[2]
            if applet in {"ip", "ping"}:  # BusyBox's own comes back
                proc.fs.symlink("/bin/busybox", path)
        del installed[name]
    database.write(installed, [name for name in database.world() if name not in leaving])
    count, size = _totals(installed)
    if not quiet:
        await proc.out(f"OK: {size} in {count} packages\n")
    return 0


async def _info(proc: Process, database: _Database, names: list[str]) -> int:
    installed = database.installed()
    if names:
        for name in names:
            if name not in installed:
                continue
            programs = PACKAGES[name].programs if name in PACKAGES else {}
            rows = "".join(f"{path.lstrip('/')}\n" for path in programs)
            await proc.out(f"{name}-{installed[name]} contains:\n{rows}\n")
        return 0 if all(name in installed for name in names) else 1
    for name in sorted({*installed, *database.world()}):
        await proc.out(f"{name}\n")
    return 0
