"""``test`` and ``[``, as programs and for the shell's builtins."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from course_lib.engine.interfaces import FileStat, Process

_BINARY = frozenset(
    ["=", "==", "!=", "<", ">", "=~", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot",
     "-ef"]
)  # fmt: skip
_TYPES: dict[str, Callable[[int], bool]] = {
    "b": stat.S_ISBLK, "c": stat.S_ISCHR, "d": stat.S_ISDIR, "f": stat.S_ISREG,
    "p": stat.S_ISFIFO, "S": stat.S_ISSOCK,
}  # fmt: skip


Make = Callable[[Process, list[str]], "Condition"]


class TestError(Exception):
    """A condition that makes no sense; the message follows the program's name."""

    __test__ = False


async def test(proc: Process) -> int:
    """Evaluate a condition."""
    return await run_test(proc, proc.argv[1:], "test")


async def bracket(proc: Process) -> int:
    """Evaluate a condition up to ``]``."""
    words = proc.argv[1:]
    if words[-1:] != ["]"]:
        await proc.err("[: missing ]\n")
        return 2
    return await run_test(proc, words[:-1], "[")


async def run_test(
    proc: Process, words: list[str], name: str, condition: Make | None = None
) -> int:
    """0 if the condition holds, 1 if not, 2 after a message.

    :param condition: one that knows more than that of ``test`` as a program.
    """
    if not words:
        return 1
    try:
        return int(not (condition or Condition)(proc, words).whole())
    except TestError as error:
        await proc.err(f"{name}: {error}\n")
        return 2


class Condition:
    """Recursive descent over the words, as BusyBox's ``test`` does it.

    :cvar unary: letters of the operators with one operand.
    :cvar ands: signs between conditions of which both must hold; ``ors``: at least one.
    """

    unary = frozenset("bcdefghknprstuwxzLOSG")
    ands: tuple[str, ...] = ("-a",)
    ors: tuple[str, ...] = ("-o",)

    def __init__(self, proc: Process, words: list[str]) -> None:
        self._proc = proc
        self._words = words
        self._position = 0

    def whole(self) -> bool:
        words = self._words
        # POSIX decides by the number of words before it looks for operators.
        if len(words) == 1:
            return bool(words[0])
        if len(words) == 3 and words[1] in _BINARY:
            return self.two(words[0], words[1], words[2])
        if len(words) == 4 and words[0] == "!" and words[2] in _BINARY:
            return not self.two(words[1], words[2], words[3])
        value = self._or()
        if self._position < len(words):
            raise TestError(f"{words[self._position]}: unknown operand")
        return value

    def _peek(self, ahead: int = 0) -> str | None:
        index = self._position + ahead
        return self._words[index] if index < len(self._words) else None

    def _or(self) -> bool:
        value = self._and()
        while self._peek() in self.ors:
            self._position += 1
            right = self._and()
            value = value or right
        return value

    def _and(self) -> bool:
        value = self._not()
        while self._peek() in self.ands:
            self._position += 1
            right = self._not()
            value = value and right
        return value

    def _not(self) -> bool:
        if self._peek() == "!" and self._peek(1) not in _BINARY:
            self._position += 1
            return not self._not()
        return self._primary()

    def _primary(self) -> bool:
        word = self._peek()
        if word is None:
            raise TestError("argument expected")
        following = self._peek(1)
        if following in _BINARY and self._peek(2) is not None:
            operand = self._peek(2) or ""
            self._position += 3
            return self.two(word, following or "", operand)
        if word == "(":
            self._position += 1
            value = self._or()
            if self._peek() != ")":
                raise TestError("closing paren expected")
            self._position += 1
            return value
        if len(word) == 2 and word[0] == "-" and word[1] in self.unary and following is not None:
            self._position += 2
            return self.one(word[1], following)
        if following in _BINARY:
            raise TestError(f"{following}: argument expected")
        if following is not None and following not in (*self.ands, *self.ors, ")"):
            raise TestError(f"{following}: unknown operand")
        self._position += 1
        return bool(word)

    def one(self, letter: str, operand: str) -> bool:
        """An operator with one operand."""
        if letter == "z":
            return not operand
        if letter == "n":
            return bool(operand)
        if letter == "t":
            file = self._proc.fds.get(_integer(operand))
            return file is not None and file.isatty()
        found = self._stat(operand, follow=letter not in "Lh")
        if found is None:
            return False
        if letter in "Lh":
            return stat.S_ISLNK(found.mode)
        if letter in _TYPES:
            return _TYPES[letter](found.mode)
        if letter in "rwx":
            mode = {"r": os.R_OK, "w": os.W_OK, "x": os.X_OK}[letter]
            return self._proc.fs.access(self._proc.path(operand), mode)
        bits = {"g": stat.S_ISGID, "u": stat.S_ISUID, "k": stat.S_ISVTX}
        if letter in bits:
            return bool(found.mode & bits[letter])
        if letter == "s":
            return found.size > 0
        if letter == "O":
            return found.uid == self._proc.uid
        if letter == "G":
            return found.gid == self._proc.gid
        return True

    def two(self, left: str, operator: str, right: str) -> bool:
        """An operator with two operands."""
        if operator in ("=", "=="):
            return left == right
        if operator == "!=":
            return left != right
        if operator in ("<", ">"):
            return left < right if operator == "<" else left > right
        if operator in ("-nt", "-ot", "-ef"):
            return self._files(left, operator, right)
        a, b = _integer(left), _integer(right)
        return {
            "-eq": a == b, "-ne": a != b, "-lt": a < b, "-le": a <= b, "-gt": a > b, "-ge": a >= b
        }[operator]  # fmt: skip

    def _files(self, left: str, operator: str, right: str) -> bool:
        a, b = self._stat(left), self._stat(right)
        if a is None or b is None:
            return False
        if operator == "-ef":
            return (a.dev, a.ino) == (b.dev, b.ino)
        return a.mtime_ns > b.mtime_ns if operator == "-nt" else a.mtime_ns < b.mtime_ns

    def _stat(self, path: str, *, follow: bool = True) -> FileStat | None:
        try:
            return self._proc.fs.stat(self._proc.path(path), follow=follow) if path else None
        except OSError:
            return None


def _integer(text: str) -> int:
    stripped = text.strip()
    if not stripped.lstrip("+-").isdigit() or len(stripped) - len(stripped.lstrip("+-")) > 1:
        raise TestError(f"{text}: bad number" if text else "bad number")
    return int(stripped)
