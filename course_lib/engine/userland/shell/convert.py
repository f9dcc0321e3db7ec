"""From dash's C nodes to :mod:`course_lib.engine.userland.shell.nodes`."""

from __future__ import annotations

import re
from typing import Any

from course_lib.engine.userland.shell import bashisms, bashtext
from course_lib.engine.userland.shell.nodes import (
    AndOr,
    Arithmetic,
    Background,
    Case,
    Command,
    CommandSubstitution,
    For,
    Function,
    If,
    Node,
    Not,
    Parameter,
    Part,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Subshell,
    Text,
    While,
    Word,
)

# Node types of dash's nodes.h.
(
    NCMD, NPIPE, NREDIR, NBACKGND, NSUBSHELL, NAND, NOR, NSEMI, NIF, NWHILE, NUNTIL, NFOR, NCASE,
    NCLIST, NDEFUN, NARG, NTO, NCLOBBER, NFROM, NFROMTO, NAPPEND, NTOFD, NFROMFD, NHERE, NXHERE,
    NNOT,
) = range(26)  # fmt: skip

# Bytes in the text of a word (dash's parser.h).
CTLESC, CTLVAR, CTLENDVAR, CTLBACKQ, CTLARI, CTLENDARI, CTLQUOTE = (
    0x81, 0x82, 0x83, 0x84, 0x86, 0x87, 0x88,
)  # fmt: skip
_CONTROLS = frozenset((CTLESC, CTLVAR, CTLENDVAR, CTLBACKQ, CTLARI, CTLENDARI, CTLQUOTE))
_OPERATORS = {
    1: "", 2: "-", 3: "+", 4: "?", 5: "=", 6: "%", 7: "%%", 8: "#", 9: "##", 10: "length"
}  # fmt: skip
_COLON = 0x10
_REDIRECTS = {
    NTO: ">", NCLOBBER: ">|", NFROM: "<", NFROMTO: "<>", NAPPEND: ">>", NTOFD: ">&",
    NFROMFD: "<&",
}  # fmt: skip


def node(pointer: Any) -> Node | None:
    """One command of dash's tree; None for an empty one."""
    if not pointer:
        return None
    n = pointer.contents
    kind = n.type
    if kind == NCMD:
        return _command(n.ncmd)
    if kind == NSEMI:
        return _sequence(pointer)
    if kind in (NAND, NOR):
        return _and_or(pointer)
    if kind == NPIPE:
        return Pipeline(
            tuple(_some(item) for item in _list(n.npipe.cmdlist)), bool(n.npipe.backgnd)
        )
    if kind == NREDIR:
        return Redirected(_some(n.nredir.n), _redirects(n.nredir.redirect))
    if kind == NBACKGND:
        return Background(_some(n.nredir.n), _redirects(n.nredir.redirect))
    if kind == NSUBSHELL:
        return Subshell(_some(n.nredir.n), _redirects(n.nredir.redirect))
    if kind == NIF:
        return If(_some(n.nif.test), _some(n.nif.ifpart), node(n.nif.elsepart))
    if kind in (NWHILE, NUNTIL):
        return While(_some(n.nbinary.ch1), _some(n.nbinary.ch2), kind == NUNTIL)
    if kind == NFOR:
        return For(
            n.nfor.linno, n.nfor.var.decode("ascii"), _words(n.nfor.args), _some(n.nfor.body)
        )
    if kind == NCASE:
        return _case(n.ncase)
    if kind == NDEFUN:
        name = bashisms.function_name(n.ndefun.text.decode("ascii"))
        return Function(n.ndefun.linno, name, _some(n.ndefun.body))
    if kind == NNOT:
        return Not(_some(n.nnot.com))
    raise ValueError(f"unknown node type {kind}")


_EMPTY = Sequence(())


def _some(pointer: Any) -> Node:
    return node(pointer) or _EMPTY


def _list(pointer: Any) -> list[Any]:
    items = []
    while pointer:
        items.append(pointer.contents.n)
        pointer = pointer.contents.next
    return items


def _sequence(pointer: Any) -> Node:
    """``a; b; c`` hangs to the left; a long script must not need a deep stack."""
    reverse: list[Node] = []
    while pointer and pointer.contents.type == NSEMI:
        reverse.append(_some(pointer.contents.nbinary.ch2))
        pointer = pointer.contents.nbinary.ch1
    reverse.append(_some(pointer))
    return Sequence(tuple(reversed(reverse)))


def _and_or(pointer: Any) -> Node:
    reverse: list[Any] = []
    while pointer and pointer.contents.type in (NAND, NOR):
        sign = "&&" if pointer.contents.type == NAND else "||"
        reverse.append((sign, _some(pointer.contents.nbinary.ch2)))
        pointer = pointer.contents.nbinary.ch1
    return AndOr(_some(pointer), tuple(reversed(reverse)))


def _command(n: Any) -> Command:
    assignments = []
    for parts in _words(n.assign):
        first = parts[0]
        assert isinstance(first, Text)
        name, _, rest = first.text.partition("=")
        value: Word = (Text(rest), *parts[1:]) if rest else parts[1:]
        assignments.append((name, value))
    return Command(n.linno, tuple(assignments), _words(n.args), _redirects(n.redirect))


def _case(n: Any) -> Case:
    items = []
    pointer = n.cases
    while pointer:
        clause = pointer.contents.nclist
        items.append((_words(clause.pattern), node(clause.body)))
        pointer = clause.next
    return Case(n.linno, _word(n.expr.contents.narg), tuple(items))


def _redirects(pointer: Any) -> tuple[Redirect, ...]:
    found = []
    while pointer:
        n = pointer.contents
        kind = n.type
        if kind in (NTOFD, NFROMFD):
            found.append(_duplicate(n.ndup, _REDIRECTS[kind]))
        elif kind in (NHERE, NXHERE):
            found.append(Redirect("<<", n.nhere.fd, _here(n.nhere.doc.contents.narg, kind)))
        else:
            target = _word(n.nfile.fname.contents.narg)
            found.append(Redirect(_REDIRECTS[kind], n.nfile.fd, target))
        pointer = n.nfile.next
    return tuple(found)


def _duplicate(n: Any, kind: str) -> Redirect:
    if not n.vname:
        return Redirect(kind, n.fd, (Text("-" if n.dupfd == -1 else str(n.dupfd)),))
    narg = n.vname.contents.narg
    raw = bytes(narg.text).decode("latin-1")
    if raw.startswith(bashisms.DESCRIPTOR):
        mark, _, rest = raw.removeprefix(bashisms.DESCRIPTOR).partition("_")
        number, operator = bashisms.descriptor(mark)
        return Redirect(operator, number, _Reader(rest.encode("latin-1"), narg.backquote).word())
    for mark, sign in ((bashisms.BOTH_OUTPUTS, "&>"), (bashisms.HERE_STRING, "<<<")):
        if raw.startswith(mark):
            _, _, rest = raw.partition("_")
            target = _Reader(rest.encode("latin-1"), narg.backquote).word()
            return Redirect(sign, 1 if sign == "&>" else n.fd, target)
    return Redirect(kind, n.fd, _word(narg))


def _here(narg: Any, kind: int) -> Word:
    """A here-document is quoted throughout; one with a quoted delimiter is plain text."""
    data = bytes(narg.text)
    if kind == NHERE:
        plain = bytearray()
        skip = False
        for byte in data:
            if byte == CTLESC and not skip:
                skip = True
                continue
            skip = False
            plain.append(byte)
        return (Text(bashisms.decode(plain.decode("latin-1")), True),)
    return _Reader(data, narg.backquote).word(True)


def _words(pointer: Any) -> tuple[Word, ...]:
    found = []
    while pointer:
        narg = pointer.contents.narg
        found.append(_word(narg))
        pointer = narg.next
    return tuple(found)


def _word(narg: Any) -> Word:
    return _Reader(bytes(narg.text), narg.backquote).word()


# One escaped character of several bytes, or another mark.
_MARKS = re.compile(rb"\x7f(?:[0-9a-f]{2}(?:\x7f[89ab][0-9a-f])*|.)")


class _Reader:
    """Walks over the text of one word, with its list of command substitutions."""

    def __init__(self, data: bytes, backquotes: Any) -> None:
        self._data = data
        self._position = 0
        self._backquotes = backquotes

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
                    body = node(self._backquotes.contents.n)
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


def here_document_ends_with(item: object, sentinel: str) -> bool:
    """Whether some here-document in a tree contains the sentinel's line."""
    if isinstance(item, Redirect):
        return item.kind == "<<" and any(
            isinstance(part, Text) and sentinel in part.text for part in item.target
        )
    if isinstance(item, tuple):
        return any(here_document_ends_with(part, sentinel) for part in item)
    slots = getattr(item, "__slots__", ())
    return any(here_document_ends_with(getattr(item, name), sentinel) for name in slots)
