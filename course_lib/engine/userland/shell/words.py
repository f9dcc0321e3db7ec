"""The text of a word as dash keeps it, with marks for what is in it, as parts of a word."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from course_lib.engine.userland.shell import bashisms, bashtext
from course_lib.engine.userland.shell.nodes import (
    Arithmetic,
    CommandSubstitution,
    Node,
    Parameter,
    Part,
    Text,
    Word,
)

# Bytes in the text of a word (dash's parser.h).
CTLESC, CTLVAR, CTLENDVAR, CTLBACKQ, CTLARI, CTLENDARI, CTLQUOTE = (
    0x81, 0x82, 0x83, 0x84, 0x86, 0x87, 0x88,
)  # fmt: skip
_CONTROLS = frozenset((CTLESC, CTLVAR, CTLENDVAR, CTLBACKQ, CTLARI, CTLENDARI, CTLQUOTE))
_OPERATORS = {
    1: "", 2: "-", 3: "+", 4: "?", 5: "=", 6: "%", 7: "%%", 8: "#", 9: "##", 10: "length"
}  # fmt: skip
_COLON = 0x10

# One escaped character of several bytes, or another mark.
_MARKS = re.compile(rb"\x7f(?:[0-9a-f]{2}(?:\x7f[89ab][0-9a-f])*|.)")


class Reader:
    """Walks over the text of one word, with its list of command substitutions.

    :param node: reads the command of a substitution.
    """

    def __init__(self, data: bytes, backquotes: Any, node: Callable[[Any], Node | None]) -> None:
        self._data = data
        self._position = 0
        self._backquotes = backquotes
        self._node = node

    def word(self, quoted: bool = False) -> Word:
        """All of it."""
        return _decoded(self.parts(quoted))

    def parts(self, quoted: bool, end: int | None = None, *, sticky: bool = False) -> Word:
        """Parts up to the control byte ``end`` or the end of the word.

        :param sticky: quotes within change nothing: ``"${x-"a b"}"`` is quoted throughout.
        """
        found: list[Part] = []
        data = self._data
        opened = -1  # how many parts there were when a quote was opened
        while self._position < len(data):
            byte = data[self._position]
            if byte == end:
                self._position += 1
                break
            if byte == CTLESC:
                self._escaped(found)
            elif byte == CTLQUOTE:
                self._position += 1
                quoted = sticky or not quoted
                if quoted:
                    opened = len(found)
                elif opened == len(found):
                    found.append(Text("", True))
            elif byte == CTLVAR:
                found.append(self._parameter(quoted))
            elif byte == CTLBACKQ:
                self._position += 1
                body = None
                if self._backquotes:
                    body = self._node(self._backquotes.contents.n)
                    self._backquotes = self._backquotes.contents.next
                found.append(CommandSubstitution(body, quoted))
            elif byte == CTLARI:
                self._position += 1
                found.append(Arithmetic(_decoded(self.parts(True, CTLENDARI)), quoted))
            elif byte in (CTLENDVAR, CTLENDARI):
                self._position += 1
            else:
                self._plain(found, quoted)
        return tuple(found)

    def _plain(self, found: list[Part], quoted: bool) -> None:
        data, start = self._data, self._position
        position = start
        while position < len(data) and data[position] not in _CONTROLS:
            position += 1
        self._position = position
        _append(found, data[start:position].decode("latin-1"), quoted)

    def _escaped(self, found: list[Part]) -> None:
        """A quoted character; an escaped mark takes the bytes along that belong to it."""
        self._position += 1
        text = self._data[self._position : self._position + 1]
        mark = _MARKS.match(self._data, self._position)
        if mark:
            text = mark[0]
        self._position += len(text)
        _append(found, text.decode("latin-1"), True)

    def _parameter(self, quoted: bool) -> Parameter:
        data = self._data
        flags = data[self._position + 1]
        equals = data.index(b"=", self._position + 2)
        name = data[self._position + 2 : equals].decode("latin-1")
        self._position = equals + 1
        operator = _OPERATORS.get(flags & 0x0F, "bad")
        if operator == "":
            return Parameter(name, quoted=quoted)
        # The pattern of a trim is not quoted by quotes around the whole expansion.
        inner = quoted and operator not in ("#", "##", "%", "%%")
        if operator == "-" and not flags & _COLON:
            mark = data[self._position : self._position + 2].decode("latin-1")
            if mark == bashtext.PARAMETER:
                self._position += 2
                operator, inner = "bash", False
            elif mark in (bashisms.SUBSTRING, bashisms.REPLACE):
                self._position += 2
                operator = "substring" if mark == bashisms.SUBSTRING else "replace"
        word = _decoded(self.parts(inner, CTLENDVAR, sticky=inner))
        return Parameter(name, operator, bool(flags & _COLON), word, quoted)


def _append(found: list[Part], text: str, quoted: bool) -> None:
    last = found[-1] if found else None
    if isinstance(last, Text) and last.quoted == quoted:
        found[-1] = Text(last.text + text, quoted)
    else:
        found.append(Text(text, quoted))


def _decoded(parts: Word) -> Word:
    """Undo the marks, now that neighbouring characters are together."""
    return tuple(
        Text(bashisms.decode(part.text), part.quoted) if isinstance(part, Text) else part
        for part in parts
    )


def plain(data: bytes) -> Word:
    """A text in which nothing but the marks for quoted characters means anything."""
    kept = bytearray()
    skip = False
    for byte in data:
        if byte == CTLESC and not skip:
            skip = True
            continue
        skip = False
        kept.append(byte)
    return (Text(bashisms.decode(kept.decode("latin-1")), True),)
