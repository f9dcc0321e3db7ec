"""Reads a Dockerfile into lines: directives, continuations, comments, flags, here-documents.

Follows BuildKit's ``frontend/dockerfile/parser``, whose rules and error texts dockerd's classic
builder shares. The libraries there are for Dockerfiles know neither here-documents nor what is an
error, and a build has to refuse what dockerd refuses in its words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from course_lib.engine.builder.goquote import go_quote
from course_lib.engine.builder.lexer import Lexer, LexError
from course_lib.engine.errdefs import InvalidParameter

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"^(\d*)<<(-?)([^<]*)$")
_LONGEST = 64 * 1024 - 1
_WITH_HEREDOCS = frozenset({"add", "copy", "run"})
_NOT_STRINGS = "when using JSON array syntax, arrays must be comprised of strings only"


class DockerfileError(InvalidParameter):
    """A Dockerfile that cannot be read."""


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: ``name`` ends it, ``chomp`` for ``<<-``."""

    name: str
    content: str
    chomp: bool


@dataclass(slots=True)
class Line:
    """One instruction as it was written.

    :param word: the instruction, in the letters that were used.
    :param args: what follows, as the instruction splits it; for ``ONBUILD`` the trigger first.
    :param flags: ``--name=value``.
    :param is_json: the arguments were a JSON array.
    :param original: the whole line, continuations joined.
    :param number: of its first line in the file.
    """

    word: str
    args: list[str]
    flags: list[str]
    is_json: bool
    original: str
    number: int = 0
    trigger: Line | None = None
    heredocs: list[Heredoc] = field(default_factory=list)


@dataclass(slots=True)
class Dockerfile:
    """What was read.

    :param warnings: to be shown on standard error.
    """

    lines: list[Line]
    escape: str
    warnings: list[str]


class _Directives:
    """Parser directives: comments of a certain form before everything else."""

    def __init__(self) -> None:
        self.escape = "\\"
        self._seen: set[str] = set()
        self._over = False
        self._set("\\")

    def _set(self, escape: str) -> None:
        self.escape = escape
        mark = re.escape(escape)
        self.continuation = re.compile(rf"([^{mark}]){mark}[ \t]*$|^{mark}[ \t]*$")

    def look(self, line: str) -> None:
        if self._over:
            return
        found = _DIRECTIVE.match(line)
        name = found[1].lower() if found else ""
        if not found or name not in {"syntax", "escape"}:
            self._over = True
            return
        if name in self._seen:
            raise DockerfileError(f"only one {name} parser directive can be used")
        self._seen.add(name)
        if name == "escape":
            if found[2] not in {"`", "\\"}:
                raise DockerfileError(f"invalid escape token '{found[2]}' does not match ` or \\")
            self._set(found[2])


def parse(data: bytes) -> Dockerfile:
    """Read a Dockerfile.

    :raises DockerfileError: with BuildKit's words.
    """
    directives = _Directives()
    lines: list[Line] = []
    warnings: list[str] = []
    raw = _raw_lines(data)
    for number, text in raw:
        line = text.removeprefix("\ufeff") if number == 1 else text
        line, ended = _continued(_clean(line.lstrip(), directives), directives)
        if ended and not line:
            continue
        gap = False
        while not ended:
            following = next(raw, None)
            if following is None:
                break
            cleaned = _clean(following[1], directives)
            if following[1].lstrip().startswith("#"):
                continue
            if not cleaned.strip():
                gap = True
                continue
            more, ended = _continued(cleaned, directives)
            line += more
        if gap:
            warnings.append(f"[WARNING]: Empty continuation line found in: {line}")
        found = _instruction(line, directives.escape)
        found.number = number
        found.heredocs = [_fill(one, raw) for one in _heredocs(found, line)]
        lines.append(found)
    if not lines:
        raise DockerfileError("file with no instructions")
    if warnings:
        warnings.append(
            "[WARNING]: Empty continuation lines will become errors in a future release."
        )
    return Dockerfile(lines, directives.escape, warnings)


def _raw_lines(data: bytes) -> Iterator[tuple[int, str]]:
    text = data.decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > _LONGEST:
            raise DockerfileError(f"dockerfile line greater than max allowed size of {_LONGEST}")
        yield number, line.rstrip("\r")


def _clean(line: str, directives: _Directives) -> str:
    directives.look(line)
    return "" if line.startswith("#") else line


def _continued(line: str, directives: _Directives) -> tuple[str, bool]:
    """The line without its continuation character, and whether it ends there."""
    found = directives.continuation.search(line)
    if found is None:
        return line, True
    return line[: found.start()] + (found[1] or ""), False


# --- one instruction ---------------------------------------------------------------------


def _instruction(line: str, escape: str) -> Line:
    parts = _BLANKS.split(line.strip(), maxsplit=1)
    flags: list[str] = []
    rest = ""
    if len(parts) == 2:
        rest, flags = _split_flags(parts[1])
    word, rest = parts[0], rest.strip()
    if word.lower() == "onbuild":
        if not rest:
            return Line(word, [], flags, False, line)
        trigger = _instruction(rest, escape)
        args = [trigger.word, *trigger.args]
        return Line(word, args, flags, False, line, trigger=trigger)
    args, is_json = _arguments(word.lower(), rest, escape)
    return Line(word, args, flags, is_json, line)


def _split_flags(text: str) -> tuple[str, list[str]]:
    """What follows the flags, and the flags with their quotes taken away."""
    flags: list[str] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith("--", at):
            return text[at:], flags
        word, quote = "", ""
        while at < len(text) and (quote or not text[at].isspace()):
            char = text[at]
            at += 1
            if char == quote:
                quote = ""
            elif not quote and char in "'\"":
                quote = char
            elif char == "\\":
                word += text[at : at + 1]
                at += 1
            else:
                word += char
        if word == "--":
            return text[at:], flags
        flags.append(word)


def _arguments(word: str, rest: str, escape: str) -> tuple[list[str], bool]:
    """The arguments as this instruction splits them, and whether they were JSON."""
    if word in {"env", "label"}:
        return _name_values(rest, word.upper(), escape), False
    if word == "arg":
        return split_words(rest, escape), False
    if word in {"from", "expose"}:
        return (_BLANKS.split(rest) if rest else []), False
    if word in {"maintainer", "stopsignal", "user", "workdir"}:
        return ([rest] if rest else []), False
    if word == "healthcheck":
        found = re.match(r"(\S+)\s*", rest)
        if not found:
            return [], False
        args, is_json = _maybe_json(rest[found.end() :])
        return [found[1], *args], is_json
    if word in {"cmd", "entrypoint", "run", "shell"}:
        return _maybe_json(rest)
    if word in {"add", "copy", "volume"}:
        args, is_json = _maybe_json(rest)
        return (args, True) if is_json else ((_BLANKS.split(rest) if rest else []), False)
    return [], False


def _maybe_json(rest: str) -> tuple[list[str], bool]:
    if not rest:
        return [], False
    text = rest.lstrip()
    if text.startswith("["):
        try:
            values = json.JSONDecoder().raw_decode(text)[0]
        except (ValueError, RecursionError):
            return [rest], False
        if not all(isinstance(value, str) for value in values):
            raise DockerfileError(_NOT_STRINGS)
        return values, True
    return [rest], False


def _name_values(rest: str, word: str, escape: str) -> list[str]:
    """``NAME=VALUE`` several times, or the old form ``NAME VALUE``; names and values in turn."""
    words = split_words(rest, escape)
    if not words:
        return []
    if "=" not in words[0]:
        parts = _BLANKS.split(rest, maxsplit=1)
        if len(parts) < 2:
            raise DockerfileError(f"{word} must have two arguments")
        return parts
    result = []
    for one in words:
        name, found, value = one.partition("=")
        if not found:
            raise DockerfileError(
                f"Syntax error - can't find = in {go_quote(one)}. Must be of the form: name=value"
            )
        result += [name, value]
    return result


def split_words(rest: str, escape: str) -> list[str]:
    """Words between blanks; quotes and escapes hold blanks together and stay where they are."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    chars = iter(rest)
    for char in chars:
        if word is None:
            if char.isspace():
                continue
            word = ""
        elif not quote and char.isspace():
            words.append(word)
            word = None
            continue
        if char == escape and quote != "'":
            following = next(chars, None)
            if following is None:
                break
            word += char + following
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        word += char
    if word:
        words.append(word)
    return words


# --- here-documents ----------------------------------------------------------------------


def _heredocs(line: Line, text: str) -> list[Heredoc]:
    node = line.trigger or line
    if node.word.lower() not in _WITH_HEREDOCS or node.is_json:
        return []
    try:
        words = Lexer(raw_quotes=True, raw_escapes=True, skip_unset=True).words(text, {})
    except LexError:
        return []
    return [found for word in words if (found := heredoc(word)) is not None]


def heredoc(word: str) -> Heredoc | None:
    """The here-document that a word announces, still empty."""
    found = _HEREDOC.match(word)
    if not found or not found[3]:
        return None
    try:
        names = Lexer(skip_unset=True).words(found[3], {})
    except LexError:
        return None
    return Heredoc(names[0], "", bool(found[2])) if len(names) == 1 else None


def _fill(one: Heredoc, raw: Iterator[tuple[int, str]]) -> Heredoc:
    content = ""
    for _, line in raw:
        if (line.lstrip("\t") if one.chomp else line) == one.name:
            return Heredoc(one.name, content, one.chomp)
        content += f"{line}\n"
    raise DockerfileError("unterminated heredoc")
