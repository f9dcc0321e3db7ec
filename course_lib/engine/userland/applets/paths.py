"""Programs that work on the names of files."""

from __future__ import annotations

from errno import EINVAL

from course_lib.engine.userland.applets.common import (
    Options,
    UsageError,
    base_name,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


@program("fnvm", "[-fnv] FILE", "Display the value of a symbolic link", least=1)
async def readlink(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print where a link leads."""
    status = 0
    for name in words:
        try:
            text = canonical(proc, name) if "f" in options else proc.fs.readlink(proc.path(name))
        except OSError as error:
            if "v" in options:
                what = "cannot read link: not a symlink" if error.errno == EINVAL else reason(error)
                await proc.err(f"readlink: {name}: {what}\n")
            status = 1
            continue
        await proc.out(text + ("" if "n" in options else "\n"))
    return status


def canonical(proc: ContainerProcess, name: str) -> str:
    """The path without links; only its last part may be missing."""
    path = proc.path(name)
    resolved = proc.fs.realpath(path)
    proc.fs.stat(resolved.rpartition("/")[0] or "/")
    return resolved


@program("", "FILE...", "Print absolute pathnames of FILE", least=1)
async def realpath(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print paths without links."""
    status = 0
    for name in words:
        try:
            await proc.out(canonical(proc, name) + "\n")
        except OSError as error:
            await proc.err(f"realpath: {name}: {reason(error)}\n")
            status = 1
    return status


@program(
    "as:z",
    "FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE...",
    "Strip directory path and SUFFIX from FILE",
    least=1,
)
async def basename(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the last part of paths."""
    suffix = options.get("s", "")
    many = "a" in options or "s" in options
    if not many:
        if len(words) > 2:
            raise UsageError
        suffix = words[1] if len(words) > 1 else ""
        words = words[:1]
    for word in words:
        name = base_name(word) if word else ""
        if suffix and name != suffix:
            name = name.removesuffix(suffix)
        await proc.out(name + "\n")
    return 0


@program("", "FILENAME", "Strip non-directory suffix from FILENAME", least=1, most=1)
async def dirname(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print a path without its last part."""
    stripped = words[0].rstrip("/")
    if not stripped:
        folder = "/" if words[0] else "."
    else:
        folder = stripped.rpartition("/")[0].rstrip("/") or ("/" if "/" in stripped else ".")
    await proc.out(folder + "\n")
    return 0


@program("LP", "", "Print the full filename of the current working directory")
async def pwd(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the working directory."""
    await proc.out(proc.cwd + "\n")
    return 0
