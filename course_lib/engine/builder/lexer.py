"""Words of a Dockerfile: quotes, escapes and ``$VARIABLE`` in its forms.

Follows BuildKit's ``frontend/dockerfile/shell`` rule for rule, error texts included: it looks like
a shell's and is not one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from course_lib.engine.builder.goquote import go_quote

_SPECIAL = frozenset("@*#?-$!0")
_END = ""
_NO_RUNE = "\ufffd"
"""How Go writes the end of a text where a character should be."""


class LexError(Exception):
    """A word that cannot be understood."""


class Lexer:
    """Processes words.

    :param escape: the character that takes the next one literally.
    :param raw_quotes: quotes stay in the result; ``raw_escapes``: so do escape characters.
    :param skip_unset: a variable that is not set stays as it was written.
    """

    def __init__(
        self,
        escape: str = "\\",
        *,
        raw_quotes: bool = False,
        raw_escapes: bool = False,
        skip_unset: bool = False,
    ) -> None:
        self._escape = escape
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._skip_unset = skip_unset

    def word(self, text: str, env: Mapping[str, str]) -> str:
        """The text with everything replaced.

        :raises LexError: with BuildKit's words.
        """
        return self._process(text, env)[0]

    def words(self, text: str, env: Mapping[str, str]) -> list[str]:
        """The same, split at blanks that are not quoted.

        :raises LexError: with BuildKit's words.
        """
        return self._process(text, env)[1]

    def _process(self, text: str, env: Mapping[str, str]) -> tuple[str, list[str]]:
        scan = _Scan(text, env, self._escape, self._raw_quotes, self._raw_escapes, self._skip_unset)
        try:
            return scan.until(_END, raw_escapes=self._raw_escapes)
        except LexError as error:
            raise LexError(f"failed to process {go_quote(text)}: {error}") from None


class _Words:
    """Collects words while a text is processed."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._word = ""
        self._inside = False

    def add(self, text: str) -> None:
        """Characters of which blanks end a word."""
        for char in text:
            if not char.isspace():
                self.add_raw(char)
            elif self._inside and self._word:
                self.found.append(self._word)
                self._word, self._inside = "", False

    def add_raw(self, text: str) -> None:
        """Characters that belong to the word, blanks too."""
        self._word += text
        self._inside = True

    def end(self) -> list[str]:
        if self._word:
            self.found.append(self._word)
            self._word, self._inside = "", False
        return self.found


class _Scan:
    def __init__(
        self,
        text: str,
        env: Mapping[str, str],
        escape: str,
        raw_quotes: bool,
        raw_escapes: bool,
        skip_unset: bool,
    ) -> None:
        self._text = text
        self._at = 0
        self._env = env
        self._escape = escape
        self._raw_quotes = raw_quotes
        self._raw_escapes = raw_escapes
        self._skip_unset = skip_unset

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        self._at += 1
        return char

    def until(self, stop: str, *, raw_escapes: bool) -> tuple[str, list[str]]:
        before, self._raw_escapes = self._raw_escapes, raw_escapes
        try:
            return self._until(stop)
        finally:
            self._raw_escapes = before

    def _until(self, stop: str) -> tuple[str, list[str]]:
        result: list[str] = []
        words = _Words()
        special = {"$": self._dollar, "'": self._single, '"': self._double}
        while char := self._peek():
            if stop and char == stop:
                self._at += 1
                return "".join(result), words.end()
            if char in special:
                value = special[char]()
                result.append(value)
                (words.add if char == "$" else words.add_raw)(value)
                continue
            self._at += 1
            if char == self._escape:
                if self._raw_escapes:
                    words.add_raw(char)
                    result.append(char)
                char = self._next()
                if not char:
                    break
                words.add_raw(char)
            else:
                words.add(char)
            result.append(char)
        if stop:
            raise LexError(f"unexpected end of statement while looking for matching {stop}")
        return "".join(result), words.end()

    def _single(self) -> str:
        quote = self._next() if self._raw_quotes else self._next()[:0]
        end = self._text.find("'", self._at)
        if end < 0:
            self._at = len(self._text)
            raise LexError("unexpected end of statement while looking for matching single-quote")
        value = self._text[self._at : end]
        self._at = end + 1
        return quote + value + quote

    def _double(self) -> str:
        self._at += 1
        result = ['"'] if self._raw_quotes else []
        while True:
            char = self._peek()
            if not char:
                raise LexError(
                    "unexpected end of statement while looking for matching double-quote"
                )
            if char == '"':
                self._at += 1
                return "".join([*result, '"'] if self._raw_quotes else result)
            if char == "$":
                result.append(self._dollar())
                continue
            self._at += 1
            if char == self._escape:
                if self._raw_escapes:
                    result.append(char)
                following = self._peek()
                if not following:
                    continue
                if following in {'"', "$", self._escape}:
                    char = self._next()
            result.append(char)

    # --- variables -------------------------------------------------------------------------

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            if name not in self._env and self._skip_unset:
                return f"${name}"
            return self._env.get(name, "")
        self._at += 1
        char = self._peek()
        if not char:
            raise LexError("syntax error: missing '}'")
        if char in "{}:":
            raise LexError("syntax error: bad substitution")
        return self._braces(self._name())

    def _name(self) -> str:
        char = self._peek()
        if char.isdecimal():
            start = self._at
            while self._peek().isdecimal():
                self._at += 1
            return self._text[start : self._at]
        if char in _SPECIAL and char:
            return self._next()
        start = self._at
        while (char := self._peek()).isalnum() or char == "_":
            self._at += 1
        return self._text[start : self._at]

    def _braces(self, name: str) -> str:
        value = self._env.get(name)
        kind = self._next()
        if kind == "}":
            if value is None and self._skip_unset:
                return f"${{{name}}}"
            return value or ""
        if kind == "/":
            return self._replace(name, value)
        shown, null_is_unset = kind, False
        if kind == ":":
            null_is_unset, kind = True, self._next()
            shown += kind
        elif kind not in tuple("+-?#%"):
            raise LexError(f"unsupported modifier ({shown or _NO_RUNE}) in substitution")
        word = self._part("}", raw_escapes=kind in {"#", "%"}, missing="missing '}'")
        if self._skip_unset and value is None:
            return f"${{{name}{shown}{word}}}"
        absent = value is None or (null_is_unset and not value)
        if kind == "-":
            return word if absent else value or ""
        if kind == "+":
            return "" if absent else word
        if kind == "?":
            return self._required(name, value, word, null_is_unset=null_is_unset)
        if kind in {"#", "%"}:
            return _trim(word, value or "", kind)
        raise LexError(f"unsupported modifier ({shown}) in substitution")

    def _part(self, stop: str, *, raw_escapes: bool, missing: str) -> str:
        try:
            return self.until(stop, raw_escapes=raw_escapes)[0]
        except LexError:
            if not self._peek():
                raise LexError(f"syntax error: {missing}") from None
            raise

    @staticmethod
    def _required(name: str, value: str | None, word: str, *, null_is_unset: bool) -> str:
        if value is None:
            raise LexError(f"{name}: {word or 'is not allowed to be unset'}")
        if null_is_unset and not value:
            raise LexError(f"{name}: {word or 'is not allowed to be empty'}")
        return value

    def _replace(self, name: str, value: str | None) -> str:
        everywhere = self._peek() == "/"
        self._at += everywhere
        pattern = self._part("/", raw_escapes=True, missing="missing '/' in ${}")
        replacement = self._part("}", raw_escapes=True, missing="missing '}'")
        if self._skip_unset and value is None:
            return f"${{{name}/{pattern}/{replacement}}}"
        found = _pattern(pattern, greedy=True)
        return found.sub(lambda _: replacement, value or "", count=0 if everywhere else 1)


def _trim(word: str, value: str, kind: str) -> str:
    """``${name#word}`` and ``${name%word}``, greedy where the sign is doubled."""
    greedy = word.startswith(kind)
    word = word[1:] if greedy else word
    if kind == "#":
        found = _pattern(word, greedy=greedy).match(value)
        return value[found.end() :] if found else value
    backwards = _pattern(_reversed(word), greedy=greedy).match(value[::-1])
    return value[: len(value) - backwards.end()] if backwards else value


def _reversed(pattern: str) -> str:
    return "".join(reversed(re.findall(r"\\.|.", pattern, re.DOTALL)))


def _pattern(pattern: str, *, greedy: bool) -> re.Pattern[str]:
    """A shell pattern of ``*`` and ``?`` as a regular expression."""
    result = []
    chars = iter(pattern)
    for char in chars:
        if char == "*":
            result.append(".*" if greedy else ".*?")
        elif char == "?":
            result.append(".")
        elif char == "\\":
            following = next(chars, "")
            if following not in tuple("*?\\}/"):
                raise LexError(
                    f"invalid pattern ({pattern}) in substitution: invalid escape '\\{following}'"
                )
            result.append(re.escape(following))
        else:
            result.append(re.escape(char))
    return re.compile("".join(result))
