"""``diff``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    base_name,
    decode,
    integer,
    join,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.files import exists, is_directory
from course_lib.engine.userland.process import ContainerProcess

_LONG = {"brief": "q", "report-identical-files": "s", "recursive": "r", "unified": "u",
         "unified=": "U", "ignore-case": "i", "ignore-all-space": "w", "ignore-space-change": "b",
         "new-file": "N", "text": "a", "label=": "L"}  # fmt: skip


@program(
    "abiwBdNqrTstuL:U:S:",
    "[-abBdiNqrTstuw] [-L LABEL] [-S FILE] [-U LINES] FILE1 FILE2",
    "Compare files line by line and output the differences between them (unified format)",
    long=_LONG,
    least=2,
    most=2,
)
async def diff(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show how files differ."""
    left, right = words
    if left == right == "-" or _same_file(proc, left, right):
        return 0
    both = [is_directory(proc, name) for name in words]
    if all(both):
        return await _trees(proc, options, left, right)
    if both[0]:
        left = join(left, base_name(right))
    elif both[1]:
        right = join(right, base_name(left))
    if any(both) and not all(exists(proc, name) for name in (left, right)) and "N" not in options:
        wrong = right if exists(proc, left) else left
        raise Fail(f"can't stat '{wrong}': No such file or directory")
    return await _files(proc, options, left, right)


def _same_file(proc: ContainerProcess, *names: str) -> bool:
    """Whether both are one file on the disk: not compared, and not called identical."""
    try:
        first, second = (proc.fs.stat(proc.path(name), follow=True) for name in names)
    except OSError:
        return False
    return (first.dev, first.ino) == (second.dev, second.ino)


async def _content(proc: ContainerProcess, options: Options, name: str) -> bytes:
    try:
        return await read_file(proc, name)
    except FileNotFoundError as error:
        if "N" in options:
            return b""
        raise Fail(f"can't stat '{name}': {reason(error)}", 2) from None
    except OSError as error:
        raise Fail(f"{name}: {reason(error)}", 2) from None


async def _files(
    proc: ContainerProcess,
    options: Options,
    left: str,
    right: str,
    heads: tuple[str, str] | None = None,
) -> int:
    """Compare two files.

    :param heads: what stands in front of the differences; the names where None.
    """
    first = await _content(proc, options, left)
    second = await _content(proc, options, right)
    if first == second:
        if "s" in options and left != right:
            await proc.out(f"Files {left} and {right} are identical\n")
        return 0
    binary = (b"\0" in first[:4096] or b"\0" in second[:4096]) and "a" not in options
    if binary or "q" in options:
        await proc.out(f"Files {left} and {right} differ\n")
        return 1
    a, b = _lines(first), _lines(second)
    lines = _unified(a, b, options)
    if not lines:
        return 0
    labels = [*options.all("L"), "", ""]
    above, below = heads or (left, right)
    await proc.out(f"--- {labels[0] or above}\n+++ {labels[1] or below}\n{lines}")
    return 1


def _lines(data: bytes) -> list[str]:
    lines = decode(data).split("\n")
    if lines[-1] == "":
        lines.pop()
        return [line + "\n" for line in lines]
    return [line + "\n" for line in lines[:-1]] + [lines[-1] + "\n\\ No newline at end of file\n"]


def _normalizer(options: Options) -> Callable[[str], str]:
    def normal(line: str) -> str:
        if "w" in options:
            line = re.sub(r"\s+", "", line)
        elif "b" in options:
            line = re.sub(r"\s+", " ", line).rstrip()
        return line.lower() if "i" in options else line

    return normal


def _unified(a: list[str], b: list[str], options: Options) -> str:
    key = _normalizer(options)
    matcher = difflib.SequenceMatcher(
        None, [key(line) for line in a], [key(line) for line in b], autojunk=False
    )
    tab = "\t" if "T" in options else ""
    out: list[str] = []

    def show(sign: str, lines: list[str]) -> None:
        shown = [line.expandtabs() for line in lines] if "t" in options else lines
        out.extend(f"{sign}{tab}{line}" for line in shown)

    for group in matcher.get_grouped_opcodes(integer(options.get("U", "3"), low=0)):
        changes = [(a[i1:i2], b[j1:j2]) for tag, i1, i2, j1, j2 in group if tag != "equal"]
        if "B" in options and not any(line.strip() for gone, new in changes for line in gone + new):
            continue
        first, last = group[0], group[-1]
        out.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                show(" ", a[i1:i2])
                continue
            show("-", a[i1:i2])
            show("+", b[j1:j2])
    return "".join(out)


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


async def _trees(proc: ContainerProcess, options: Options, left: str, right: str) -> int:
    """Compare two directories: what is below both, in the order of its names."""
    roots = (left, right)
    names = [set(_below(proc, options, *pair)) for pair in (roots, roots[::-1])]
    # A directory that the other side has not makes a difference that is not told.
    status = int(any(name.endswith("/") for name in names[0] | names[1]))
    for name in sorted(names[0] | names[1]):
        if name < options.get("S", "") or name.endswith("/"):
            continue
        a, b = join(left, name), join(right, name)
        alone = (name in names[0]) != (name in names[1])
        kinds = ["directory" if is_directory(proc, path) else "regular file" for path in (a, b)]
        if alone and "N" not in options:
            await proc.out(f"Only in {roots[name in names[1]]}: {name}\n")
            status = 1
        elif "directory" in kinds and (alone or kinds[0] == kinds[1]):
            await proc.out(f"Common subdirectories: {a} and {b}\n")
        elif kinds[0] != kinds[1] and not alone:
            await proc.out(f"File {a} is a {kinds[0]} while file {b} is a {kinds[1]}\n")
        else:
            heads = (a if name in names[0] else "/dev/null", b if name in names[1] else "/dev/null")
            status = max(status, await _files(proc, options, a, b, heads))
    return status


def _below(proc: ContainerProcess, options: Options, root: str, other: str) -> Iterator[str]:
    """What is to be compared below a directory.

    With ``-r`` only what is no directory. Of a directory that the other side has not there is
    nothing but its name, with a slash, unless what is missing counts as empty.
    """
    for name in proc.fs.listdir(proc.path(root)):
        path, there = join(root, name), join(other, name)
        if "r" not in options or not is_directory(proc, path):
            yield name
        elif "N" in options or is_directory(proc, there):
            for inner in _below(proc, options, path, there):
                yield f"{name}/{inner}"
        else:
            yield f"{name}/"
