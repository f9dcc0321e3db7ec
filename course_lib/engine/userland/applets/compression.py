"""``gzip`` and its relatives, with the standard library's formats."""

from __future__ import annotations

import stat
import zlib

from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    is_gnu,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import exists
from course_lib.engine.userland.applets.removing import Remover
from course_lib.engine.userland.process import ContainerProcess


def compress(data: bytes, kind: str, level: int = 6, mtime: int = 0) -> bytes:
    """Data in one of the formats gz, bz2, xz; unchanged for ``""``."""
    if kind == "gz":
        import gzip as gzip_module

        return gzip_module.compress(data, level, mtime=mtime)
    if kind == "bz2":
        import bz2

        return bz2.compress(data)
    if kind == "xz":
        import lzma

        return lzma.compress(data)
    return data


def decompress(data: bytes, kind: str = "") -> bytes:
    """Data without its compression, which its first bytes tell.

    :param kind: what it must be; ``any`` for any compression, ``""`` where it may have none.
    :raises ValueError: it is damaged, or not of the kind asked for.
    """
    import bz2
    import gzip as gzip_module
    import lzma

    found = {b"\x1f\x8b": "gz", b"BZ": "bz2", b"\xfd7": "xz", b"]\x00": "xz"}.get(data[:2], "")
    if kind == "any" and not found:
        raise ValueError("no gzip/bzip2/xz magic")
    if kind not in ("", "any", found):
        raise ValueError("invalid magic")
    try:
        if found == "gz":
            return gzip_module.decompress(data)
        if found == "bz2":
            return bz2.decompress(data)
        if found == "xz":
            return lzma.decompress(data)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        raise ValueError("corrupted data") from None
    return data


# --- gzip ------------------------------------------------------------------------------------


async def _convert(
    proc: ContainerProcess,
    options: Options,
    words: list[str],
    *,
    kind: str,
    suffix: str,
    expand: bool,
) -> int:
    """Compress or expand files in place, or standard input to standard output."""
    title = proc.argv[0].rsplit("/", 1)[-1]
    to_stdout = "c" in options or not words
    level = next((int(letter) for letter, _ in options.in_order() if letter.isdigit()), 6)
    status = 0
    for name in words or ["-"]:
        try:
            found = proc.fs.stat(proc.path(name)) if name != "-" else None
            if found is not None and stat.S_ISDIR(found.mode):
                raise IsADirectoryError(21, "Is a directory")
            data = await read_file(proc, name)
        except OSError as error:
            await proc.err(f"{title}: {name}: {reason(error)}\n")
            status = 1
            continue
        if expand and not to_stdout and "t" not in options and _target(name, suffix, True) is None:
            await proc.err(f"{title}: {name}: unknown suffix - ignored\n")
            status = 1
            continue
        try:
            result = decompress(data, kind) if expand else compress(data, kind, max(1, level))
        except ValueError as error:
            await proc.err(f"{title}: {error}\n")
            status = 1
            continue
        if "t" in options:
            continue
        if to_stdout or name == "-":
            await proc.out(result)
            continue
        target = _target(name, suffix, expand)
        assert target is not None  # or it was ignored
        if exists(proc, target) and "f" not in options:
            await proc.err(f"{title}: can't open '{target}': File exists\n")
            status = 1
            continue
        assert found is not None
        proc.fs.write_bytes(proc.path(target), result, stat.S_IMODE(found.mode))
        proc.fs.utime(proc.path(target), found.mtime_ns, found.mtime_ns)
        if "k" not in options:
            await Remover(proc, True, False, False).remove(name)
        if "v" in options:
            share = 100 - 100 * len(data if expand else result) // len(result if expand else data)
            verb = "replaced with" if "k" not in options else "created"
            await proc.err(f"{name}: {share}% - {verb} {target}\n")
    return status


def _target(name: str, suffix: str, expand: bool) -> str | None:
    if not expand:
        return name + suffix
    if name.endswith(suffix):
        return name.removesuffix(suffix)
    if name.endswith(".tgz") and suffix == ".gz":
        return name.removesuffix(".tgz") + ".tar"
    return None


_GZIP_LONG = {"stdout": "c", "decompress": "d", "keep": "k", "force": "f", "test": "t"}


@program(
    "cdfktvqn123456789", "[-cfkdt123456789] [FILE]...", "Compress FILEs (or stdin)", long=_GZIP_LONG
)
async def gzip(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Compress files."""
    expand = "d" in options or "t" in options
    return await _convert(proc, options, words, kind="gz", suffix=".gz", expand=expand)


@program("cfktqv", "[-cfkt] [FILE]...", "Decompress FILEs (or stdin)", long=_GZIP_LONG)
async def gunzip(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Expand files."""
    return await _convert(proc, options, words, kind="gz", suffix=".gz", expand=True)


@program("", "[FILE]...", "Decompress to stdout")
async def zcat(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print compressed files."""
    options.add("c")
    return await _convert(proc, options, words, kind="any", suffix=".gz", expand=True)


@program(
    "cdfktz123456789", "[-cfkdtz123456789] [FILE]...", "Compress FILEs (or stdin)", long=_GZIP_LONG
)
async def bzip2(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Compress files with bzip2."""
    expand = "d" in options or "t" in options
    return await _convert(proc, options, words, kind="bz2", suffix=".bz2", expand=expand)


@program("cfkt", "[-cfkt] [FILE]...", "Decompress FILEs (or stdin)", long=_GZIP_LONG)
async def bunzip2(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Expand bzip2 files."""
    return await _convert(proc, options, words, kind="bz2", suffix=".bz2", expand=True)


@program("cfkt", "[-cfkt] [FILE]...", "Decompress FILEs (or stdin)", long=_GZIP_LONG)
async def unxz(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Expand xz files."""
    return await _convert(proc, options, words, kind="xz", suffix=".xz", expand=True)


@program(
    "cdfkt0123456789",
    "-d [-cfk] [FILE]...",
    "Decompress FILEs (or stdin)",
    long=_GZIP_LONG,
    gnu="zvqT:e",
)
async def xz(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Expand xz files; compress them where the image has more than BusyBox, which cannot."""
    expand = "d" in options or "t" in options
    if not expand and not is_gnu(proc):
        raise UsageError
    return await _convert(proc, options, words, kind="xz", suffix=".xz", expand=expand)


@program("", "[FILE]...", "Decompress to stdout")
async def bzcat(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print files compressed with bzip2."""
    options.add("c")
    return await _convert(proc, options, words, kind="bz2", suffix=".bz2", expand=True)


@program("", "[FILE]...", "Decompress to stdout")
async def xzcat(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print files compressed with xz."""
    options.add("c")
    return await _convert(proc, options, words, kind="xz", suffix=".xz", expand=True)
