"""``xargs``."""

from __future__ import annotations

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    decode,
    integer,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import ask
from course_lib.engine.userland.process import ContainerProcess


@program(
    "0rptn:s:I:i::xe::E:P:a:",
    "[OPTIONS] [PROG ARGS]",
    "Run PROG on every item given by stdin",
    permute=False,
    long={
        "null": "0",
        "no-run-if-empty": "r",
        "max-args=": "n",
        "replace=": "I",
        "max-procs=": "P",
    },
)
async def xargs(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run a program with arguments read from standard input."""
    command = words or ["echo"]
    try:
        data = decode(await read_file(proc, options.get("a", "-")))
    except OSError as error:
        raise Fail(f"{options['a']}: {reason(error)}") from None
    replace = _replaced(options)
    if "0" in options:
        items = [item for item in data.split("\0") if item]
    elif replace:
        items = [line.strip(" \t") for line in data.splitlines() if line.strip()]
    else:
        items = _split(data)
    end = options.get("E", options.get("e", ""))
    if end and end in items:
        items = items[: items.index(end)]
    runs: list[list[str]]
    if replace:
        runs = [[word.replace(replace, item) for word in command] for item in items]
    else:
        if not items and "r" in options:
            return 0
        most = integer(options["n"], low=1) if "n" in options else 5000
        groups = [items[n : n + most] for n in range(0, len(items), most)] or [[]]
        runs = [[*command, *group] for group in groups]
    status = 0
    for run in runs:
        result = await _run_one(proc, options, run)  # beyond 255 it is a signal's
        if result in (126, 127):
            return result
        if result > 255:
            await proc.err(f"xargs: '{run[0]}' terminated by signal {result - 256}\n")
            return 125
        if result == 255:
            await proc.err(f"xargs: {run[0]}: exited with status 255; aborting\n")
            return 124
        status = 123 if result else status
    return status


async def _run_one(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    if "t" in options or "p" in options:
        await proc.err(" ".join(words) + ("?..." if "p" in options else "\n"))
        if "p" in options and not await ask(proc, ""):
            return 0
    from course_lib.engine.userland.files import NullFile

    try:
        child = await proc.spawn(words, fds={**proc.fds, 0: NullFile()})
    except OSError as error:
        await proc.err(f"xargs: {words[0]}: {reason(error)}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    code = await child.wait()
    return 256 + child.killed_by if child.killed_by else code


def _replaced(options: Options) -> str:
    """What each item is put in the place of; empty where items follow the program's words."""
    for name, value in reversed(options.in_order()):
        if name in ("I", "i"):
            return value or ("{}" if name == "i" else "")
    return ""


def _split(data: str) -> list[str]:
    """Words with quotes and backslashes as xargs reads them."""
    items: list[str] = []
    current: str | None = None
    quote = ""
    position = 0
    while position < len(data):
        char = data[position]
        position += 1
        if quote:
            if char == quote:
                quote = ""
            else:
                current = (current or "") + char
        elif char in "'\"":
            quote = char
            current = current or ""
        elif char == "\\" and position < len(data):
            current = (current or "") + data[position]
            position += 1
        elif char in " \t\n":
            if current is not None:
                items.append(current)
            current = None
        else:
            current = (current or "") + char
    if quote:
        raise Fail(f"unmatched {'single' if quote == chr(39) else 'double'} quote")
    if current is not None:
        items.append(current)
    return items
