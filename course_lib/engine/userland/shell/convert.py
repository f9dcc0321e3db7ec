"""From dash's C nodes to those of :mod:`.nodes`; :mod:`.words` reads the text of words."""

from __future__ import annotations

from typing import Any

from course_lib.engine.userland.shell import bashisms, bashtext, words
from course_lib.engine.userland.shell.nodes import (
    AndOr,
    Background,
    Case,
    Command,
    For,
    Function,
    If,
    Node,
    Not,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Subshell,
    Text,
    Timed,
    While,
    Word,
)

# Node types of dash's nodes.h.
(
    NCMD, NPIPE, NREDIR, NBACKGND, NSUBSHELL, NAND, NOR, NSEMI, NIF, NWHILE, NUNTIL, NFOR, NCASE,
    NCLIST, NDEFUN, NARG, NTO, NCLOBBER, NFROM, NFROMTO, NAPPEND, NTOFD, NFROMFD, NHERE, NXHERE,
    NNOT,
) = range(26)  # fmt: skip

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
        command = _command(n.ncmd)
        return _timed((command,), False) or command
    if kind == NSEMI:
        return _sequence(pointer)
    if kind in (NAND, NOR):
        return _and_or(pointer)
    if kind == NPIPE:
        members = tuple(_some(item) for item in _list(n.npipe.cmdlist))
        background = bool(n.npipe.backgnd)
        return _timed(members, background) or Pipeline(members, background)
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


def _timed(members: tuple[Node, ...], background: bool) -> Node | None:
    """What a pipeline is whose first member stands for bash's ``time``."""
    first = members[0]
    if not isinstance(first, Timed):
        word = first.words[0] if isinstance(first, Command) and first.words else ()
        text = word[0].text if word and isinstance(word[0], Text) else ""
        if not text.startswith(bashtext.TIME):
            return None
        first = Timed(_EMPTY, text.endswith("-p"))
    rest = members[1:]
    if not rest:
        return first
    body = _timed(rest, False) or (rest[0] if len(rest) == 1 else Pipeline(rest))
    timed = body if isinstance(body, Timed) else Timed(body, first.posix)
    return Background(timed, ()) if background else timed


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
        return Redirect(operator, number, _text(rest.encode("latin-1"), narg))
    for mark, sign in ((bashisms.BOTH_OUTPUTS, "&>"), (bashisms.HERE_STRING, "<<<")):
        if raw.startswith(mark):
            _, _, rest = raw.partition("_")
            target = _text(rest.encode("latin-1"), narg)
            return Redirect(sign, 1 if sign == "&>" else n.fd, target)
    return Redirect(kind, n.fd, _word(narg))


def _here(narg: Any, kind: int) -> Word:
    """A here-document is quoted throughout; one with a quoted delimiter is plain text."""
    data = bytes(narg.text)
    if kind == NHERE:
        return words.plain(data)
    return _text(data, narg, quoted=True)


def _words(pointer: Any) -> tuple[Word, ...]:
    found = []
    while pointer:
        narg = pointer.contents.narg
        found.append(_word(narg))
        pointer = narg.next
    return tuple(found)


def _word(narg: Any) -> Word:
    return _text(bytes(narg.text), narg)


def _text(data: bytes, narg: Any, *, quoted: bool = False) -> Word:
    """A word from its text, or a part of it, and the substitutions of its node."""
    return words.Reader(data, narg.backquote, node).word(quoted)
