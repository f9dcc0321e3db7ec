"""The syntax tree of the shell.

Immutable, so that a script parsed once can be run by many shells at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as Choice


@dataclass(frozen=True, slots=True)
class Text:
    """Literal characters of a word."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """``$x``, ``${x:-word}`` and its kind.

    :ivar operator: ``""``, ``-``, ``=``, ``?``, ``+``, ``#``, ``##``, ``%``, ``%%``, ``length``,
        ``substring`` (``${x:1:2}``), ``replace`` (``${x/a/b}``), ``bash`` (what `bashparams` knows)
        or ``bad``.
    :ivar colon: the operator also applies to an empty value.
    """

    name: str
    operator: str = ""
    colon: bool = False
    word: Word = ()
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class CommandSubstitution:
    """``$(...)`` or backquotes."""

    body: Node | None
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``$((...))``."""

    expression: Word
    quoted: bool = False


Part = Text | Parameter | CommandSubstitution | Arithmetic
Word = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """One redirection.

    :ivar kind: ``>``, ``>|``, ``>>``, ``<``, ``<>``, ``>&``, ``<&``, ``<<`` (expanded
        here-document: ``target`` is its text) or ``&>`` (both outputs).
    """

    kind: str
    fd: int
    target: Word


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command."""

    line: int
    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """``a | b | c``."""

    commands: tuple[Node, ...]
    background: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class AndOr:
    """``first && a || b``: evaluated from left to right."""

    first: Node
    rest: tuple[tuple[Choice["&&", "||"], Node], ...]


@dataclass(frozen=True, slots=True)
class Not:
    """``! command``."""

    body: Node


@dataclass(frozen=True, slots=True)
class Timed:
    """bash's ``time command``; ``posix`` with ``-p``."""

    body: Node
    posix: bool


@dataclass(frozen=True, slots=True)
class Background:
    """``command &``."""

    body: Node
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Subshell:
    """``( list )``."""

    body: Node
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class Redirected:
    """A compound command with redirections."""

    body: Node
    redirects: tuple[Redirect, ...]


@dataclass(frozen=True, slots=True)
class If:
    """``if``; an ``elif`` is another one in ``otherwise``."""

    test: Node
    then: Node
    otherwise: Node | None


@dataclass(frozen=True, slots=True)
class While:
    """``while`` and ``until``."""

    test: Node
    body: Node
    until: bool


@dataclass(frozen=True, slots=True)
class For:
    """``for name in words``."""

    line: int
    name: str
    words: tuple[Word, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Case:
    """``case word in pattern) list;; esac``."""

    line: int
    word: Word
    items: tuple[tuple[tuple[Word, ...], Node | None], ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A definition: running it defines."""

    line: int
    name: str
    body: Node


Node = (
    Command
    | Pipeline
    | Sequence
    | AndOr
    | Not
    | Timed
    | Background
    | Subshell
    | Redirected
    | If
    | While
    | For
    | Case
    | Function
)
