"""dash's own parser, by way of libdash.

Only the C parser and the layout of its nodes are used. libdash's conversion to Python aborts
the process on text it does not expect, and prints; here the tree is read by
:mod:`course_lib.engine.userland.shell.convert` instead, and what dash prints about a syntax
error goes into a pipe. The parser recurses for nested constructs, so text with thousands of them
is refused before it sees it.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from course_lib.engine.userland.shell import bashisms, convert
from course_lib.engine.userland.shell.nodes import Node, Redirect, Text

MAX_TEXT = 4 << 20
"""Bytes of a script."""
MAX_NESTING = 5000
"""Words and signs of a script that can open something. dash's parser needs about 500 bytes of
stack for each level; a main thread has 8 MiB."""
SENTINEL = "sentinel_after_here_document"

_ALIAS_NAME = re.compile(r"[A-Za-z0-9_.+-]+\Z", re.ASCII)
_OPENERS = re.compile(rb"[({`]|\b(?:if|while|until|for|case)\b")
_INCOMPLETE = ("end of file unexpected", "Unterminated quoted string", "Missing '", "EOF in")


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """Why a text cannot be parsed, as BusyBox words it.

    :ivar incomplete: more text could still make it right.
    """

    message: str
    line: int
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """Complete commands in order, and what stopped the parser, if anything did."""

    commands: tuple[Node, ...]
    fault: SyntaxFault | None = None


class _Output(ctypes.Structure):
    """dash's ``struct output``."""

    _fields_ = (
        ("nextc", ctypes.c_void_p),
        ("end", ctypes.c_void_p),
        ("buf", ctypes.c_void_p),
        ("bufsize", ctypes.c_size_t),
        ("fd", ctypes.c_int),
        ("flags", ctypes.c_int),
    )


class _Parser:
    """The C library with its one global state."""

    def __init__(self) -> None:
        from libdash import _dash, parser

        path: str = parser.libdash_library_path()  # type: ignore[no-untyped-call]
        library = ctypes.CDLL(path)
        library.initialize_dash_errno()
        library.init()
        library.setinputstring.argtypes = [ctypes.c_char_p]
        library.parsecmd_safe.restype = ctypes.c_void_p
        library.parsecmd_safe.argtypes = [ctypes.c_int]
        library.setalias.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
        self._library = library
        self._node = ctypes.POINTER(_dash.union_node)
        self._done = ctypes.addressof(ctypes.c_int.in_dll(library, "tokpushback"))
        self._failed = ctypes.addressof(ctypes.c_int.in_dll(library, "lasttoken"))
        self._messages, write_end = os.pipe()
        os.set_blocking(self._messages, False)
        os.set_blocking(write_end, False)
        for name in ("errout", "preverrout"):
            _Output.in_dll(library, name).fd = write_end
        self._aliases: Mapping[str, str] = {}

    def parse(self, data: bytes, aliases: Mapping[str, str]) -> Script:
        library = self._library
        if aliases or self._aliases:
            self._set_aliases(aliases)
        text = ctypes.create_string_buffer(data)
        mark = ctypes.create_string_buffer(64)
        library.setinputstring(ctypes.cast(text, ctypes.c_char_p))
        library.setstackmark(mark)
        commands: list[Node] = []
        fault = None
        try:
            while True:
                address = library.parsecmd_safe(0)
                if address is None:
                    continue
                if address == self._done:
                    break
                if address == self._failed:
                    fault = _fault(self._message())
                    break
                pointer: Any = ctypes.cast(address, self._node)
                node = convert.node(pointer)
                if node is not None:
                    commands.append(node)
        except RecursionError:
            fault = SyntaxFault("syntax error: nesting too deep", 0)
        finally:
            library.popstackmark(mark)
            library.popallfiles()
        return Script(tuple(commands), fault)

    def _set_aliases(self, aliases: Mapping[str, str]) -> None:
        """Replace the parser's aliases.

        dash wants the name and the value as pointers into one ``name=value`` string, and
        leaves by ``longjmp`` on a name that is no plain word, so such names are left out.
        """
        self._library.rmaliases()
        for name, value in aliases.items():
            if _ALIAS_NAME.match(name):
                entry = ctypes.create_string_buffer(
                    name.encode("ascii") + b"=" + bashisms.encode(value)
                )
                start = ctypes.addressof(entry)
                self._library.setalias(start, start + len(name) + 1)
        self._aliases = dict(aliases)

    def _message(self) -> str:
        try:
            return os.read(self._messages, 65536).decode("ascii", "replace")
        except BlockingIOError:
            return ""


@cache
def _parser() -> _Parser:
    return _Parser()


def parse(text: str, aliases: Mapping[str, str] | None = None, *, bash: bool = False) -> Script:
    """Parse a script; never raises."""
    run = _parse if len(text) > 65536 else _parse_cached
    return run(text, tuple((aliases or {}).items()), bash)


def _parse(text: str, aliases: tuple[tuple[str, str], ...], bash: bool) -> Script:
    data = bashisms.encode(text, bash)
    if len(data) > MAX_TEXT or len(_OPENERS.findall(data)) > MAX_NESTING:
        return Script((), SyntaxFault("syntax error: script too large", 0))
    return _parser().parse(data, dict(aliases))


_parse_cached = lru_cache(maxsize=64)(_parse)


def open_here_document(text: str) -> bool:
    """Whether the text ends within a here-document."""
    if "<<" not in text:
        return False
    extended = _parse(f"{text.rstrip(chr(10))}\n{SENTINEL}\n", (), False)
    return any(_here_document_ends_with(node, SENTINEL) for node in extended.commands)


_FAULT_RE = re.compile(r"^.*?: (\d+): (.*)$", re.DOTALL)
_UNEXPECTED_RE = re.compile(r"^(.*) unexpected( \(expecting .*\))?$", re.DOTALL)


def _fault(message: str) -> SyntaxFault:
    """dash's words in BusyBox's: ``"fi" unexpected`` becomes ``unexpected "fi"``."""
    match = _FAULT_RE.match(message.strip())
    line, text = (int(match[1]), match[2]) if match else (0, message.strip())
    text = text.removeprefix("Syntax error: ")
    incomplete = any(sign in text for sign in _INCOMPLETE)
    unexpected = _UNEXPECTED_RE.match(text)
    if unexpected:
        text = f"unexpected {unexpected[1]}{unexpected[2] or ''}"
    elif text:
        text = {
            "Missing '}'": "missing '}'", "Missing '))'": "missing '))'"
        }.get(text, text if text.startswith("EOF") else text[:1].lower() + text[1:])  # fmt: skip
    return SyntaxFault(f"syntax error: {bashisms.decode(text)}", line, incomplete)


def _here_document_ends_with(item: object, sentinel: str) -> bool:
    """Whether some here-document in a tree contains the sentinel's line."""
    if isinstance(item, Redirect):
        return item.kind == "<<" and any(
            isinstance(part, Text) and sentinel in part.text for part in item.target
        )
    if isinstance(item, tuple):
        return any(_here_document_ends_with(part, sentinel) for part in item)
    slots = getattr(item, "__slots__", ())
    return any(_here_document_ends_with(getattr(item, name), sentinel) for name in slots)
