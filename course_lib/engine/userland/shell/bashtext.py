r"""What bash takes and ash does not, written so that dash's parser takes it too.

A scanner that knows quotes, comments and here-documents rewrites

======================  ===================================================================
``a=(x "y z")``         ``a=$(DELy x "y z")``: a substitution whose command is a mark
``((i++))``             ``DELm $((i++))``
``for ((a; b; c))``     ``for _embedded_arithmetic_ in $((a)) $((b)) $((c))``
``${a[1]}``, ``${!v}``  ``${a-DELp${_embedded_index_-1}}``, ``${v-DELp!}``
``<(command)``          ``$(DELi<; command)``
``time -p command``     ``DELt-p | command``
``a |& b``              ``a 2>&1 | b``
======================  ===================================================================

The marks are understood where such words are evaluated: :mod:`arrays`, :mod:`commands`,
:mod:`expand`.
"""

from __future__ import annotations

import re

ESCAPE = "\x7f"
ARRAY = f"{ESCAPE}y"
ARITHMETIC = f"{ESCAPE}m"
PROCESS = f"{ESCAPE}i"
PARAMETER = f"{ESCAPE}p"
TIME = f"{ESCAPE}t"
INDEX = "_embedded_index_"
LOOP = "_embedded_arithmetic_"

SUSPICIOUS = re.compile(
    r"\btime\b|\(\(|=\(|[<>]\(|\$'|\|&|\]\+?=|\$\{(?:[#!]?\w+[\[^,@!*]|!)|\+="
)  # fmt: skip

_SEQUENCE = re.compile(
    r"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|U[0-9a-fA-F]{1,6}|c.|.)", re.DOTALL
)
_LETTERS = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t",
    "v": "\v", "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_PARAMETER = re.compile(r"\$\{([#!]?)([A-Za-z_]\w*|[0-9]+|[@*]|(?<=!)[#?])")
_ARRAY = re.compile(r"[A-Za-z_]\w*\+?=\(")
_ELEMENT = re.compile(r"[A-Za-z_]\w*\[")
# The last group: there is no command to time.
_TIME = re.compile(
    r"time(?![^\s;&|)])([ \t]+(?:-p|--)(?=[\s;&|)]|\Z))?(?:[ \t]+(!)(?=\s))?"
    r"[ \t]*(?=([\n;)&|}]|\Z))?"
)
_HERE = re.compile(r"<<(-?)[ \t]*(\\?['\"]?)([^\s'\"<>|&;()]+)['\"]?")
_COMMAND_AHEAD = re.compile(r"(?:^|[\n;&|({!]|\b(?:if|while|until|then|do|else|elif|time))[ \t]*\Z")


def rewrite(text: str) -> str:
    """A script of bash's in words of POSIX with marks."""
    return _Scanner(text).until(None)


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._here: list[tuple[str, bool, bool]] = []

    def until(self, end: str | None, *, words: bool = False) -> str:
        """Rewritten text up to ``end``, which is consumed, or the end of the text.

        :param words: newlines and comments are between words, as within ``a=( )``.
        """
        out: list[str] = []
        text = self._text
        while self._at < len(text):
            char = text[self._at]
            if end is not None and char == end:
                self._at += 1
                return "".join(out)
            if char == "\n" and words:
                out.append(" ")
                self._at += 1
            elif char == "\n" and self._here:
                self._at += 1
                out.append("\n" + self._documents())
            elif char == "#" and (not out or out[-1][-1:] in " \t\n;&|("):
                stop = text.find("\n", self._at)
                stop = len(text) if stop < 0 else stop
                out.append("" if words else text[self._at : stop])
                self._at = stop
            else:
                out.append(self._piece("".join(out[-8:])))
        return "".join(out)

    def _piece(self, before: str) -> str:
        """The next piece; ``before`` is what was written just before it."""
        text, at = self._text, self._at
        char = text[at]
        word_begins = not before or before[-1] in " \t\n;&|({!"
        if char == "\\":
            return self._take(2)
        if char == "'":
            stop = text.find("'", at + 1)
            return self._take((len(text) if stop < 0 else stop + 1) - at)
        if char == '"':
            return self._quoted()
        if char == "`":
            stop = text.find("`", at + 1)
            return self._take((len(text) if stop < 0 else stop + 1) - at)
        if char == "$":
            return self._dollar()
        if text.startswith("<<<", at):
            return self._take(3)
        if here := _HERE.match(text, at):
            self._here.append((here[3], bool(here[1]), bool(here[2])))
            return self._take(len(here[0]))
        if text.startswith("((", at) and _COMMAND_AHEAD.search(before):
            return self._command() or self._take(1)
        if char in "<>" and text.startswith("(", at + 1):
            self._at += 2
            return f"$({PROCESS}{'r' if char == '<' else 'w'}; {self.until(')')})"
        if text.startswith("|&", at):
            self._at += 2
            return "2>&1 |"
        if char == "(":
            self._at += 1
            return f"({self.until(')')})"
        if (word_begins and char.isalpha()) or char == "_":
            return self._name(before) if word_begins else self._take(1)
        return self._take(1)

    def _take(self, count: int) -> str:
        piece = self._text[self._at : self._at + count]
        self._at += count
        return piece

    def _name(self, before: str) -> str:
        text, at = self._text, self._at
        if array := _ARRAY.match(text, at):
            self._at = array.end()
            return f"{array[0][:-1]}$({ARRAY} {self.until(')', words=True)})"
        if element := _ELEMENT.match(text, at):
            self._at = element.end()
            index = self.until("]")
            if text.startswith(("=", "+="), self._at):
                index = index.replace(" ", "\\ ")
            return f"{element[0]}{index}]"
        word = re.match(r"\w+", text[at:])
        assert word is not None
        if word[0] == "for" and (loop := re.match(r"for\s*\(\(", text[at:])):
            start = at + loop.end()
            end = _arithmetic_end(text, start)
            parts = text[start:end].split(";") if end is not None else []
            if end is not None and len(parts) == 3:
                self._at = end + 2
                given = [part.strip() or value for part, value in zip(parts, "110", strict=True)]
                parsed = [_Scanner(part).until(None) for part in given]
                return f"for {LOOP} in " + " ".join(f"$(({part}))" for part in parsed)
        if word[0] == "time" and _COMMAND_AHEAD.search(before) and (time := _TIME.match(text, at)):
            self._at = time.end()
            return _timed(time)
        return self._take(len(word[0]))

    def _command(self) -> str | None:
        """``((expression))``; None where it is two parentheses."""
        end = _arithmetic_end(self._text, self._at + 2)
        if end is None:
            return None
        expression = self._text[self._at + 2 : end]
        self._at = end + 2
        return f"{ARITHMETIC} $(({_Scanner(expression).until(None)}))"

    def _quoted(self) -> str:
        out = [self._take(1)]
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                return "".join([*out, self._take(1)])
            if char == "\\":
                out.append(self._take(2))
            else:
                out.append(self._dollar() if char == "$" else self._take(1))
        return "".join(out)

    def _dollar(self) -> str:
        text, at = self._text, self._at
        if text.startswith("$((", at):
            end = _arithmetic_end(text, at + 3)
            if end is not None:
                self._at = end + 2
                return f"$(({_Scanner(text[at + 3 : end]).until(None)}))"
        if text.startswith("$(", at):
            self._at += 2
            return f"$({self.until(')')})"
        if text.startswith("$'", at):
            stop = at + 2
            while stop < len(text) and text[stop] != "'":
                stop += 2 if text[stop] == "\\" else 1
            self._at = stop + 1
            return _single_quoted(_SEQUENCE.sub(_decoded, text[at + 2 : stop]))
        if text.startswith("${", at):
            return self._parameter()
        return self._take(1)

    def _parameter(self) -> str:
        text, at = self._text, self._at
        match = _PARAMETER.match(text, at)
        if match is None:
            return self._take(2)
        prefix, name = match.groups()
        self._at = match.end()
        following = text[self._at : self._at + 1]
        index = ""
        if following == "[":
            self._at += 1
            index = f"${{{INDEX}-{self.until(']')}}}"
        elif not (prefix == "!" or following in ("^", ",", "@")):
            return f"${{{prefix}{name}{self._rest()}"
        return f"${{{name}-{PARAMETER}{prefix}{index}{self._rest()}"

    def _rest(self) -> str:
        """The rest of ``${…}`` with its brace."""
        out: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == "}":
                return "".join([*out, self._take(1)])
            plain = char in " ()#<>|&\n" or char.isalnum()
            out.append(self._take(1) if plain else self._piece("x"))
        return "".join(out)

    def _documents(self) -> str:
        """The here-documents that begin after this line."""
        out = []
        for delimiter, tabs, quoted in self._here:
            while self._at < len(self._text):
                stop = self._text.find("\n", self._at)
                stop = len(self._text) if stop < 0 else stop + 1
                line = self._text[self._at : stop]
                self._at = stop
                last = (line.lstrip("\t") if tabs else line).rstrip("\n") == delimiter
                out.append(line if quoted or last else _in_document(line))
                if last:
                    break
        self._here.clear()
        return "".join(out)


def _timed(match: re.Match[str]) -> str:
    """``time``, which is before a pipeline, as its first member."""
    posix, negated, nothing = match.groups()
    mark = f"{TIME}{'-p' if posix else ''}"
    return f"{'! ' if negated else ''}{mark}{' ' if nothing is not None else ' | '}"


def _decoded(match: re.Match[str]) -> str:
    """One escape sequence of ``$'…'``."""
    body = match[1]
    if body[0] in "01234567":
        return _escaped(bytes((int(body, 8) & 0xFF,)))
    if body[0] == "x" and len(body) > 1:
        return _escaped(bytes((int(body[1:], 16),)))
    if body[0] in "uU" and len(body) > 1:
        return _escaped(chr(int(body[1:], 16)).encode())
    if body[0] == "c" and len(body) > 1:
        return chr(ord(body[1]) & 0x1F)
    return _LETTERS.get(body, match[0])


def _escaped(data: bytes) -> str:
    return "".join(chr(byte) if byte < 0x7F else f"{ESCAPE}{byte:02x}" for byte in data)


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _in_document(line: str) -> str:
    out = []
    scanner = _Scanner(line)
    while scanner._at < len(line):
        char = line[scanner._at]
        out.append(scanner._dollar() if char == "$" else scanner._take(2 if char == "\\" else 1))
    return "".join(out)


def _arithmetic_end(text: str, start: int) -> int | None:
    """Where the ``))`` is that closes an expression."""
    depth = 0
    for at in range(start, len(text) - 1):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            if depth == 0:
                return at if text[at + 1] == ")" else None
            depth -= 1
    return None
