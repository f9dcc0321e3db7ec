"""Shell patterns (``*``, ``?``, ``[...]``): matching strings and finding files."""

from __future__ import annotations

import re
import stat
from functools import lru_cache

from course_lib.engine.interfaces import FileSystem
from course_lib.engine.userland.shell.errors import ShellError

_CLASSES = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "\\x21-\\x7e", "lower": "a-z", "print": "\\x20-\\x7e",
    "punct": "!-/:-@\\[-`{-~", "space": " \\t\\n\\r\\f\\v", "upper": "A-Z", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_MAGIC = re.compile(r"(?<!\\)(?:\\\\)*[*?\[]")
_SPECIAL = re.compile(r"([*?\[\]\\!^-])")


def quote(text: str) -> str:
    """Text as a pattern that matches itself alone."""
    return _SPECIAL.sub(r"\\\1", text)


def unquote(pattern: str) -> str:
    """The text that a pattern without special characters stands for."""
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def has_magic(pattern: str) -> bool:
    """Whether a pattern is more than literal text."""
    return _MAGIC.search(pattern) is not None


def translate(pattern: str, *, lazy: bool = False) -> str:
    """The regular expression of a pattern; ``lazy`` makes ``*`` match as little as it can."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        char = pattern[position]
        position += 1
        if char == "*":
            if not out or not out[-1].startswith(".*"):
                out.append(".*?" if lazy else ".*")
        elif char == "?":
            out.append(".")
        elif char == "\\" and position < len(pattern):
            out.append(re.escape(pattern[position]))
            position += 1
        elif char == "[":
            bracket = _bracket(pattern, position)
            if bracket is None:
                out.append("\\[")
            else:
                text, position = bracket
                out.append(text)
        else:
            out.append(re.escape(char))
    return "".join(out)


def _bracket(pattern: str, position: int) -> tuple[str, int] | None:
    """A bracket expression that begins after ``[``, and where it ends."""
    negate = pattern[position : position + 1] in ("!", "^") and position < len(pattern)
    if negate:
        position += 1
    out: list[str] = []
    first = True
    while position < len(pattern):
        char = pattern[position]
        if char == "]" and not first:
            body = "".join(out)
            return f"[{'^' if negate else ''}{body}]", position + 1
        first = False
        if pattern.startswith("[:", position):
            end = pattern.find(":]", position)
            if end > 0 and pattern[position + 2 : end] in _CLASSES:
                out.append(_CLASSES[pattern[position + 2 : end]])
                position = end + 2
                continue
        if char == "\\" and position + 1 < len(pattern):
            position += 1
            out.append("\\" + pattern[position])
        elif char == "-":
            out.append("-" if out and position + 1 < len(pattern) else "\\-")
        else:
            out.append(re.escape(char))
        position += 1
    return None


@lru_cache(maxsize=256)
def compiled(pattern: str, lazy: bool = False) -> re.Pattern[str]:
    """The pattern ready to be matched; an impossible range matches nothing."""
    try:
        return re.compile(translate(pattern, lazy=lazy), re.DOTALL)
    except re.error:
        return re.compile(r"(?!)")


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches."""
    return compiled(pattern).fullmatch(text) is not None


def trim(text: str, pattern: str, operator: str) -> str:
    """``${x#p}``, ``${x##p}``, ``${x%p}`` and ``${x%%p}``."""
    if operator in ("#", "##"):
        found = compiled(pattern, operator == "#").match(text)
        return text[found.end() :] if found else text
    expression = compiled(pattern)
    starts = range(len(text), -1, -1) if operator == "%" else range(len(text) + 1)
    for start in starts:
        if expression.fullmatch(text, start):
            return text[:start]
    return text


def replace_end(text: str, pattern: str, replacement: str, *, at_start: bool) -> str:
    """bash's ``${x/#p/r}`` and ``${x/%p/r}``: the longest match at one end counts."""
    rest = trim(text, pattern, "##" if at_start else "%%")
    if rest == text and not matches(pattern, ""):
        return text
    return replacement + rest if at_start else rest + replacement


def replace(text: str, pattern: str, replacement: str, everywhere: bool) -> str:
    """``${x/p/r}`` and ``${x//p/r}``; the longest match counts, an empty pattern none."""
    if not pattern:
        return text
    return compiled(pattern).sub(lambda _: replacement, text, count=0 if everywhere else 1)


def expand(fs: FileSystem, cwd: str, pattern: str) -> list[str]:
    """File names that match a pattern, sorted by bytes; empty where there are none."""
    absolute = pattern.startswith("/")
    lead = "/" * (len(pattern) - len(pattern.lstrip("/")))
    parts = re.split(r"/+", pattern.lstrip("/"))
    found = [lead if absolute else ""]
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        step: list[str] = []
        for prefix in found:
            step += _step(fs, cwd, prefix, part, last)
        found = step
        if not found:
            return []
    return sorted(found, key=lambda name: name.encode("utf-8", "surrogateescape"))


def _step(fs: FileSystem, cwd: str, prefix: str, part: str, last: bool) -> list[str]:
    folder = prefix if prefix.startswith("/") else f"{cwd.rstrip('/')}/{prefix}"
    if not part:
        return [prefix] if _is_directory(fs, folder) else []
    if not has_magic(part):
        name = prefix + unquote(part)
        path = f"{folder.rstrip('/')}/{unquote(part)}"
        if last:
            return [name] if _exists(fs, path) else []
        return [f"{name}/"] if _is_directory(fs, path) else []
    try:
        names = fs.listdir(folder)
    except OSError:
        return []
    expression = compiled(part)
    hidden = part.startswith((".", "\\."))
    if hidden:
        names = [".", "..", *names]
    chosen = [
        name for name in names
        if (hidden or not name.startswith(".")) and expression.fullmatch(name)
    ]  # fmt: skip
    if last:
        return [prefix + name for name in chosen]
    return [
        f"{prefix}{name}/" for name in chosen if _is_directory(fs, f"{folder.rstrip('/')}/{name}")
    ]


def _exists(fs: FileSystem, path: str) -> bool:
    try:
        fs.stat(path, follow=False)
    except OSError:
        return False
    return True


def _is_directory(fs: FileSystem, path: str) -> bool:
    try:
        return stat.S_ISDIR(fs.stat(path).mode)
    except OSError:
        return False


def search(expression: str, text: str) -> re.Match[str] | None:
    """What ``=~`` finds.

    :raises ShellError: it is no regular expression.
    """
    from course_lib.engine.userland.regex import RegexError, extended

    try:
        return extended(expression).search(text)
    except RegexError as error:
        raise ShellError(str(error)) from None
