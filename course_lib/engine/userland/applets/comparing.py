"""``diff`` and ``expr``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from course_lib.engine.userland import regex
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


async def _content(proc: ContainerProcess, options: Options, name: str) -> bytes:
    try:
        return await read_file(proc, name)
    except FileNotFoundError as error:
        if "N" in options:
            return b""
        raise Fail(f"can't stat '{name}': {reason(error)}", 2) from None
    except OSError as error:
        raise Fail(f"{name}: {reason(error)}", 2) from None


async def _files(proc: ContainerProcess, options: Options, left: str, right: str) -> int:
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
    if "B" in options:
        a, b = ([line for line in lines if line.strip()] for lines in (a, b))
    key = _normalizer(options)
    if [key(line) for line in a] == [key(line) for line in b]:
        return 0
    context = integer(options.get("U", "3"), low=0)
    labels = [*options.all("L"), "", ""]
    lines = _unified(a, b, key, context)
    await proc.out(f"--- {labels[0] or left}\n+++ {labels[1] or right}\n{lines}")
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


def _unified(a: list[str], b: list[str], key: Callable[[str], str], context: int) -> str:
    matcher = difflib.SequenceMatcher(
        None, [key(line) for line in a], [key(line) for line in b], autojunk=False
    )
    out = []
    for group in matcher.get_grouped_opcodes(context):
        first, last = group[0], group[-1]
        out.append(f"@@ -{_span(first[1], last[2])} +{_span(first[3], last[4])} @@\n")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                out += [" " + line for line in a[i1:i2]]
                continue
            out += ["-" + line for line in a[i1:i2]]
            out += ["+" + line for line in b[j1:j2]]
    return "".join(out)


def _span(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


async def _trees(proc: ContainerProcess, options: Options, left: str, right: str) -> int:
    fs = proc.fs
    names = [set(fs.listdir(proc.path(name))) for name in (left, right)]
    status = 0
    for name in sorted(names[0] | names[1]):
        a, b = join(left, name), join(right, name)
        if (name not in names[1] or name not in names[0]) and "N" not in options:
            folder = left if name in names[0] else right
            await proc.out(f"Only in {folder.rstrip('/')}: {name}\n")
            status = 1
            continue
        folders = [is_directory(proc, path) for path in (a, b)]
        if all(folders):
            if "r" in options:
                status = max(status, await _trees(proc, options, a, b))
            else:
                await proc.out(f"Common subdirectories: {a} and {b}\n")
        elif any(folders):
            kinds = ["directory" if folder else "regular file" for folder in folders]
            await proc.out(f"File {a} is a {kinds[0]} while file {b} is a {kinds[1]}\n")
            status = 1
        else:
            status = max(status, await _files(proc, options, a, b))
    return status


# --- expr ------------------------------------------------------------------------------------


async def expr(proc: ContainerProcess) -> int:
    """Evaluate the arguments as an expression."""
    words = proc.argv[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        await proc.err("expr: too few arguments\n")
        return 2
    try:
        value = _Expression(words).whole()
    except Fail as error:
        await proc.err(f"expr: {error}\n")
        return error.code
    await proc.out(f"{value}\n")
    return int(value in ("", "0") or bool(re.fullmatch(r"-?0+", value)))


class _Expression:
    """``expr``'s grammar, from ``|`` down to ``:`` and keywords."""

    _LEVELS = (("|",), ("&",), ("<", "<=", "=", "==", "!=", ">=", ">"), ("+", "-"),
               ("*", "/", "%"), (":",))  # fmt: skip

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._position = 0

    def whole(self) -> str:
        value = self._level(0)
        if self._position < len(self._words):
            raise Fail("syntax error", 2)
        return value

    def _peek(self) -> str | None:
        return self._words[self._position] if self._position < len(self._words) else None

    def _next(self) -> str:
        word = self._peek()
        if word is None:
            raise Fail("syntax error", 2)
        self._position += 1
        return word

    def _level(self, number: int) -> str:
        if number == len(self._LEVELS):
            return self._primary()
        value = self._level(number + 1)
        while self._peek() in self._LEVELS[number]:
            operator = self._next()
            value = _apply(operator, value, self._level(number + 1))
        return value

    def _primary(self) -> str:
        word = self._next()
        if word == "(":
            value = self._level(0)
            if self._next() != ")":
                raise Fail("syntax error", 2)
            return value
        if word == "+" and self._peek() is not None:
            return self._next()
        if word == "length" and self._peek() is not None:
            return str(len(self._primary()))
        if word == "match" and self._peek() is not None:
            return _match(self._primary(), self._primary())
        if word == "index" and self._peek() is not None:
            text, chars = self._primary(), self._primary()
            return str(next((n for n, c in enumerate(text, 1) if c in chars), 0))
        if word == "substr" and self._peek() is not None:
            text, start, length = self._primary(), self._primary(), self._primary()
            first = int(start) if _is_number(start) else 0
            count = int(length) if _is_number(length) else 0
            return text[first - 1 : first - 1 + count] if first > 0 and count > 0 else ""
        return word


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+", text) is not None


def _match(text: str, pattern: str) -> str:
    try:
        expression = regex.basic(pattern)
    except regex.RegexError as error:
        raise Fail(f"bad regex '{pattern}': {error}", 2) from None
    found = expression.match(text)
    if expression.groups:
        return (found[1] or "") if found else ""
    return str(found.end() if found else 0)


def _truth(text: str) -> bool:
    return text != "" and not re.fullmatch(r"-?0+", text)


def _apply(operator: str, left: str, right: str) -> str:
    if operator == "|":
        return left if _truth(left) else right
    if operator == "&":
        return left if _truth(left) and _truth(right) else "0"
    if operator == ":":
        return _match(left, right)
    if operator in ("<", "<=", "=", "==", "!=", ">=", ">"):
        numbers = _is_number(left) and _is_number(right)
        order = (
            (int(left) > int(right)) - (int(left) < int(right))
            if numbers
            else ((left > right) - (left < right))
        )
        return str(int({"<": order < 0, "<=": order <= 0, "=": order == 0, "==": order == 0,
                        "!=": order != 0, ">=": order >= 0, ">": order > 0}[operator]))  # fmt: skip
    if not (_is_number(left) and _is_number(right)):
        raise Fail("non-numeric argument", 2)
    a, b = int(left), int(right)
    if operator in ("/", "%"):
        if b == 0:
            raise Fail("division by zero", 2)
        quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
        return str(quotient if operator == "/" else a - b * quotient)
    return str({"+": a + b, "-": a - b, "*": a * b}[operator])
