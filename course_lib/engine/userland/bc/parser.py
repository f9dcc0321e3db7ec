"""The language of ``bc``: words and grammar. The tree is made of tuples, ``(kind, ...)``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Node = tuple[Any, ...]

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]+|\\\n|/\*.*?\*/|\#[^\n]*)"
    r"|(?P<newline>\n)"
    r"|(?P<number>(?:[0-9A-Z](?:\\\n)?)+(?:\.[0-9A-Z]*)?|\.[0-9A-Z]+)"
    r"|(?P<name>[a-z][a-z0-9_]*)"
    r'|(?P<string>"[^"]*")'
    r"|(?P<sign>\+\+|--|[-+*/%^=!<>]=|&&|\|\||[-+*/%^=!<>(){}\[\],;.])",
    re.DOTALL,
)
_ASSIGN = frozenset(["=", "+=", "-=", "*=", "/=", "%=", "^="])
_RELATIONS = frozenset(["==", "!=", "<", "<=", ">", ">="])
_BUILTINS = frozenset(["length", "sqrt", "scale", "abs"])
_SPECIAL = frozenset(["scale", "ibase", "obase", "last"])
_KEYWORDS = frozenset(
    ["auto", "break", "continue", "define", "else", "for", "halt", "if", "limits", "print",
     "quit", "read", "return", "void", "while"]
)  # fmt: skip


class ParseError(Exception):
    """The text is not in the language; ``incomplete`` where more of it could mend that."""

    def __init__(self, message: str, *, incomplete: bool = False) -> None:
        super().__init__(message)
        self.incomplete = incomplete


def tokens(text: str) -> list[tuple[str, str]]:
    """Words of a program: kind and text.

    :raises ParseError: a sign the language has not, or a string or comment without its end.
    """
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            if text[position] == '"' or text.startswith("/*", position):
                what = "string" if text[position] == '"' else "comment"
                raise ParseError(f"{what} end could not be found", incomplete=True)
            raise ParseError(f"bad character '{text[position]}'")
        kind = match.lastgroup or ""
        if kind == "name" and match[0] in _KEYWORDS:
            kind = "keyword"
        if kind == "number":
            found.append((kind, match[0].replace("\\\n", "")))
        elif kind != "space":
            found.append((kind, match[0]))
        position = match.end()
    return found


class Parser:
    """Statements of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._position = 0

    def statements(self) -> Iterator[Node]:
        """Each statement, as soon as it is complete.

        :raises ParseError: what comes next is no statement.
        """
        while self._skip("\n", ";"):
            node = self._function() if self._text() == "define" else self._statement()
            if self._position < len(self._tokens) and self._text() not in ("\n", ";"):
                raise self._bad()
            yield node

    # --- words -------------------------------------------------------------------------------

    def _peek(self) -> tuple[str, str]:
        if self._position < len(self._tokens):
            return self._tokens[self._position]
        return "end", ""

    def _text(self) -> str:
        kind, text = self._peek()
        return "" if kind == "string" else text

    def _take(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1][1]

    def _accept(self, text: str) -> bool:
        if self._text() == text and self._position < len(self._tokens):
            self._position += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._bad()

    def _skip(self, *texts: str) -> bool:
        """Skip what separates; whether anything is left."""
        while self._position < len(self._tokens) and self._text() in texts:
            self._position += 1
        return self._position < len(self._tokens)

    def _bad(self) -> ParseError:
        kind, text = self._peek()
        return ParseError(f"bad expression at '{text.strip()}'", incomplete=kind == "end")

    # --- statements --------------------------------------------------------------------------

    def _function(self) -> Node:
        self._take()
        self._accept("void")
        name = self._name()
        self._expect("(")
        parameters = self._names(")")
        self._expect(")")
        self._skip("\n")
        self._expect("{")
        self._skip("\n")
        local: list[str] = []
        if self._accept("auto"):
            local = self._names(";")
        return "define", name, parameters, local, self._block()

    def _name(self) -> str:
        kind, text = self._peek()
        if kind != "name":
            raise self._bad()
        self._position += 1
        return text

    def _names(self, end: str) -> list[str]:
        """Names with commas; those of arrays end with ``[]``."""
        found: list[str] = []
        while self._text() not in (end, "\n") and self._position < len(self._tokens):
            name = self._name()
            if self._accept("["):
                self._expect("]")
                name += "[]"
            found.append(name)
            if not self._accept(","):
                break
        return found

    def _block(self) -> Node:
        """Statements up to ``}``, whose ``{`` was taken."""
        body: list[Node] = []
        while True:
            if not self._skip("\n", ";"):
                raise ParseError("bad expression at ''", incomplete=True)
            if self._accept("}"):
                return "block", body
            body.append(self._statement())
            if self._text() not in ("\n", ";", "}"):
                raise self._bad()

    def _statement(self) -> Node:
        kind, text = self._peek()
        if kind == "string":
            self._take()
            return "text", text[1:-1]
        if text == "{":
            self._take()
            return self._block()
        if kind == "keyword" and text != "read":
            self._take()
            return self._keyword(text)
        node = self._expression()
        return ("value", node) if node[0] == "assign" else ("show", node)

    def _keyword(self, word: str) -> Node:
        if word in ("break", "continue", "halt", "quit", "limits"):
            return (word,)
        if word == "return":
            if self._text() in ("\n", ";", "}", ""):
                return "return", None
            return "return", self._expression()
        if word == "print":
            parts = [self._printed()]
            while self._accept(","):
                parts.append(self._printed())
            return "print", parts
        if word == "if":
            return self._if()
        if word == "while":
            self._expect("(")
            test = self._expression()
            self._expect(")")
            self._skip("\n")
            return "for", None, test, None, self._statement()
        if word == "for":
            self._expect("(")
            first = None if self._text() == ";" else self._expression()
            self._expect(";")
            test = ("number", "1") if self._text() == ";" else self._expression()
            self._expect(";")
            step = None if self._text() == ")" else self._expression()
            self._expect(")")
            self._skip("\n")
            return "for", first, test, step, self._statement()
        raise self._bad()

    def _printed(self) -> Node:
        kind, text = self._peek()
        if kind == "string":
            self._take()
            return "text", text[1:-1]
        return self._expression()

    def _if(self) -> Node:
        self._expect("(")
        test = self._expression()
        self._expect(")")
        self._skip("\n")
        then = self._statement()
        before = self._position
        self._skip("\n", ";")
        if self._accept("else"):
            self._skip("\n")
            return "if", test, then, self._statement()
        self._position = before
        return "if", test, then, None

    # --- expressions -------------------------------------------------------------------------

    def _expression(self) -> Node:
        left = self._and()
        while self._accept("||"):
            left = ("binary", "||", left, self._and())
        return left

    def _and(self) -> Node:
        left = self._not()
        while self._accept("&&"):
            left = ("binary", "&&", left, self._not())
        return left

    def _not(self) -> Node:
        if self._accept("!"):
            return "not", self._not()
        return self._relation()

    def _relation(self) -> Node:
        left = self._assignment()
        while self._text() in _RELATIONS:
            left = ("binary", self._take(), left, self._assignment())
        return left

    def _assignment(self) -> Node:
        left = self._sum()
        if left[0] in ("variable", "element") and self._text() in _ASSIGN:
            operator = self._take()
            return "assign", left, operator[:-1], self._assignment()
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self._text() in ("+", "-"):
            left = ("binary", self._take(), left, self._product())
        return left

    def _product(self) -> Node:
        left = self._power()
        while self._text() in ("*", "/", "%"):
            left = ("binary", self._take(), left, self._power())
        return left

    def _power(self) -> Node:
        left = self._unary()
        if self._accept("^"):
            return "binary", "^", left, self._power()
        return left

    def _unary(self) -> Node:
        if self._accept("-"):
            return "negative", self._unary()
        if self._accept("!"):
            return "not", self._unary()
        if self._text() in ("++", "--"):
            operator = self._take()
            place = self._primary()
            if place[0] not in ("variable", "element"):
                raise self._bad()
            return "before", place, operator[0]
        place = self._primary()
        if place[0] in ("variable", "element") and self._text() in ("++", "--"):
            return "after", place, self._take()[0]
        return place

    def _primary(self) -> Node:
        kind, text = self._peek()
        if kind == "number":
            return "number", self._take()
        if self._accept("("):
            inner = self._expression()
            self._expect(")")
            return "group", inner
        if self._accept("."):
            return "variable", "last"
        if text == "read" and kind == "keyword":
            self._take()
            self._expect("(")
            self._expect(")")
            return ("read",)
        name = self._name()
        if self._accept("("):
            arguments = self._arguments()
            if name in _BUILTINS:
                if len(arguments) != 1:
                    raise self._bad()
                return "builtin", name, arguments[0]
            return "call", name, arguments
        if self._accept("["):
            if self._accept("]"):
                return "array", name
            index = self._expression()
            self._expect("]")
            return "element", name, index
        return "variable", name

    def _arguments(self) -> list[Node]:
        found: list[Node] = []
        while not self._accept(")"):
            found.append(self._expression())
            if self._text() != ")":
                self._expect(",")
        return found


def is_special(name: str) -> bool:
    """Whether it is one of the variables that change how ``bc`` calculates."""
    return name in _SPECIAL
