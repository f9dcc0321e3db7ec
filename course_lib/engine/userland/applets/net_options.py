"""Option words of the network programs, parsed and refused as BusyBox's ``getopt32`` does."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from course_lib.engine.interfaces import Process

BUSYBOX = "BusyBox v1.36.1 (2024-06-10 07:11:47 UTC) multi-call binary."


class UsageError(Exception):
    """The words make no sense; ``str(error)`` is one line, or empty where only usage is due."""


class Options:
    """Parsed options: ``options["c"]`` is the last value given, ``options.all("H")`` every one.

    A flag's value is ``""``; :meth:`count` tells how often it was given.
    """

    def __init__(self) -> None:
        self._given: list[tuple[str, str]] = []
        self.words: list[str] = []

    def add(self, name: str, value: str = "") -> None:
        """Note one occurrence."""
        self._given.append((name, value))

    def __contains__(self, name: str) -> bool:
        return any(given == name for given, _ in self._given)

    def __getitem__(self, name: str) -> str:
        return self.all(name)[-1]

    def get(self, name: str, default: str) -> str:
        """Last value given, or the default."""
        values = self.all(name)
        return values[-1] if values else default

    def all(self, name: str) -> list[str]:
        """Every value given, in order."""
        return [value for given, value in self._given if given == name]

    def in_order(self) -> list[tuple[str, str]]:
        """All options given, with their values."""
        return list(self._given)

    def count(self, name: str) -> int:
        """How many times it was given."""
        return len(self.all(name))


def parse(
    argv: Sequence[str], short: str, long: Mapping[str, str] | None = None, *, permute: bool = True
) -> Options:
    """Split words into options and the rest.

    :param argv: without the program's name.
    :param short: as for ``getopt(3)``: a letter, with ``:`` after it where it takes a value, ``::``
        where it may have one, in the same word.
    :param long: long name → the letter (or name) it stands for, ``name=`` where it takes a value,
        ``name?`` where it may have one, behind ``=``.
    :param permute: options may follow other words.
    :raises UsageError: with getopt's message.
    """
    takes = dict(re.findall("([^:])(:*)", short))
    names = {name.rstrip("=?"): (name[-1:], to) for name, to in (long or {}).items()}
    options = Options()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            options.words += words
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            matches = [name] if name in names else [n for n in names if n.startswith(name)]
            if len(matches) > 1:
                raise UsageError(f"ambiguous option: {word}")
            if not matches:
                raise UsageError(f"unrecognized option '{word}'")
            kind, target = names[matches[0]]
            if kind not in "=?" and equals:
                raise UsageError(f"option '--{matches[0]}' doesn't allow an argument")
            if kind == "=" and not equals:
                if not words:
                    raise UsageError(f"option '--{matches[0]}' requires an argument")
                value = words.pop(0)
            options.add(target, value)
        elif word.startswith("-") and len(word) > 1:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter not in takes:
                    raise UsageError(f"invalid option -- '{letter}'")
                if not takes[letter]:
                    options.add(letter)
                    continue
                if not rest and takes[letter] == ":":
                    if not words:
                        raise UsageError(f"option requires an argument -- '{letter}'")
                    rest = words.pop(0)
                options.add(letter, rest)
                break
        else:
            options.words.append(word)
            if not permute:
                options.words += words
                break
    return options


async def refuse(proc: Process, name: str, error: UsageError, usage: str) -> int:
    """Print what BusyBox prints for wrong words; returns its exit code."""
    message = f"{name}: {error}\n" if str(error) else ""
    await proc.err(f"{message}{BUSYBOX}\n\nUsage: {name} {usage.strip()}\n")
    return 1


def number(name: str, text: str, low: float = 0, high: float = 2**31 - 1) -> int:
    """A decimal number within limits.

    :raises ValueError: the line that BusyBox's ``xatou_range`` prints.
    """
    if not text.isdigit():
        raise ValueError(f"{name}: invalid number '{text}'")
    value = int(text)
    if not low <= value <= high:
        raise ValueError(f"{name}: number {text} is not in {int(low)}..{int(high)} range")
    return value


def seconds(name: str, text: str) -> float:
    """A duration with a fraction.

    :raises ValueError: the line that BusyBox prints for another word.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise ValueError(f"{name}: invalid number '{text}'")
    return value
