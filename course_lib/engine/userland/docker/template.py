"""Go's ``text/template``, as far as ``--format`` of the ``docker`` command needs it.

Fields, variables, literals, pipelines, parentheses, ``if``/``else``, ``range``, ``with``, and the
functions that the command line client brings (``json``, ``join``, ``upper`` …). Data is what JSON
gives: dictionaries, lists, strings, numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


class TemplateError(Exception):
    """The template cannot be read (``parsing``) or run; the message is Go's."""

    parsing = False


class TemplateSyntaxError(TemplateError):
    """The template cannot be read."""

    parsing = True


_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+)|(?P<field>(?:\.[A-Za-z_]\w*)+)"""
    r"""|(?P<dot>\.)|(?P<variable>\$\w*(?:\.[A-Za-z_]\w*)*)|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<sign>:=|=|\||\(|\)|,))"""
)

Token = tuple[str, str]


@dataclass(slots=True)
class _Block:
    """Text, an action, or an action with what it encloses."""

    kind: str
    text: str = ""
    tokens: list[Token] = field(default_factory=list)
    body: list[_Block] = field(default_factory=list)
    otherwise: list[_Block] = field(default_factory=list)


class Template:
    """A template that is ready to run.

    :raises TemplateSyntaxError: it makes no sense.
    """

    def __init__(self, text: str) -> None:
        self._parts = _pieces(text)
        self._blocks, end = self._parse()
        if end:
            raise TemplateSyntaxError(f"template: :1: unexpected {{{{{end}}}}}")

    def _parse(self) -> tuple[list[_Block], str]:
        blocks: list[_Block] = []
        for kind, text in self._parts:
            if kind == "text":
                blocks.append(_Block("text", text))
                continue
            tokens = _tokens(text)
            word = tokens[0][1] if tokens and tokens[0][0] == "word" else ""
            if word == "end":
                return blocks, "end"
            if word == "else":
                return blocks, text
            if word in ("if", "range", "with"):
                blocks.append(self._enclosing(word, tokens[1:]))
            else:
                blocks.append(_Block("print", tokens=tokens))
        return blocks, ""

    def _enclosing(self, word: str, tokens: list[Token]) -> _Block:
        block = _Block(word, tokens=tokens)
        block.body, end = self._parse()
        if end.startswith("else"):
            rest = end[4:].strip()
            if rest:  # {{else if …}}: an if of its own that shares the end
                inner, _, words = rest.partition(" ")
                block.otherwise = [self._enclosing(inner, _tokens(words))]
                return block
            block.otherwise, end = self._parse()
        if end != "end":
            raise TemplateSyntaxError("template: :1: unexpected EOF")
        return block

    def render(self, data: Any) -> str:
        """The text for ``data``.

        :raises TemplateError: a field is missing, a function does not fit.
        """
        return "".join(_Run(data).blocks(self._blocks, data))


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    trim = False
    for match in _ACTION.finditer(text):
        piece = text[position : match.start()]
        if trim:
            piece = piece.lstrip()
        yield "text", piece.rstrip() if match[1] else piece
        if not match[2].startswith("/*"):
            yield "action", match[2]
        position, trim = match.end(), bool(match[3])
    rest = text[position:]
    if "{{" in rest:
        raise TemplateSyntaxError("template: :1: unclosed action")
    yield "text", rest.lstrip() if trim else rest


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            sign = text[position:].strip()[:1]
            raise TemplateSyntaxError(f"template: :1: unexpected {sign!r} in operand")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Run:
    """One rendering: the variables and the data at the top (``$``)."""

    def __init__(self, data: Any) -> None:
        self._variables: dict[str, Any] = {"$": data}

    def blocks(self, blocks: list[_Block], dot: Any) -> Iterator[str]:
        for block in blocks:
            if block.kind == "text":
                yield block.text
            elif block.kind == "print":
                value, shown = self._statement(block.tokens, dot)
                if shown:
                    yield plain(value)
            elif block.kind == "range":
                yield from self._range(block, dot)
            else:
                value, _ = self._statement(block.tokens, dot)
                inner = value if block.kind == "with" else dot
                chosen = (block.body, inner) if truth(value) else (block.otherwise, dot)
                yield from self.blocks(*chosen)

    def _range(self, block: _Block, dot: Any) -> Iterator[str]:
        tokens, names = block.tokens, []
        signs = [text for kind, text in tokens if kind == "sign"]
        if ":=" in signs:
            place = next(i for i, token in enumerate(tokens) if token == ("sign", ":="))
            names = [text for kind, text in tokens[:place] if kind == "variable"]
            tokens = tokens[place + 1 :]
        value, _ = self._statement(tokens, dot)
        if isinstance(value, Mapping):
            pairs = sorted(value.items())
        else:
            pairs = list(enumerate(value or ()))
        if not pairs:
            yield from self.blocks(block.otherwise, dot)
        for key, item in pairs:
            if names:
                self._variables[names[-1]] = item
            if len(names) > 1:
                self._variables[names[0]] = key
            yield from self.blocks(block.body, item)

    def _statement(self, tokens: list[Token], dot: Any) -> tuple[Any, bool]:
        """The value of an action, and whether it is printed (an assignment is not)."""
        if len(tokens) > 2 and tokens[0][0] == "variable" and tokens[1][1] in (":=", "="):
            self._variables[tokens[0][1]] = self._pipeline(tokens[2:], dot)
            return None, False
        return self._pipeline(tokens, dot), True

    def _pipeline(self, tokens: list[Token], dot: Any) -> Any:
        if not tokens:
            raise TemplateError("template: :1: missing value for command")
        stages: list[list[Token]] = [[]]
        depth = 0
        for token in tokens:
            depth += (token == ("sign", "(")) - (token == ("sign", ")"))
            if token == ("sign", "|") and not depth:
                stages.append([])
            else:
                stages[-1].append(token)
        value: list[Any] = []
        for stage in stages:
            if not stage:
                raise TemplateSyntaxError("template: :1: missing value for command")
            value = [self._command(stage, dot, value)]
        return value[0]

    def _command(self, tokens: list[Token], dot: Any, piped: list[Any]) -> Any:
        kind, text = tokens[0]
        if kind == "word" and text not in ("true", "false", "nil"):
            function = _FUNCTIONS.get(text)
            if function is None:
                raise TemplateSyntaxError(f'template: :1: function "{text}" not defined')
            try:
                return function(*self._operands(tokens[1:], dot), *piped)
            except (TypeError, IndexError, KeyError, AttributeError, ValueError) as error:
                raise TemplateError(
                    f'template: :1: executing "" at <{text}>: error calling {text}: {error}'
                ) from None
        values = self._operands(tokens, dot)
        if len(values) != 1:
            raise TemplateError(f"template: :1: can't give argument to non-function {text}")
        return values[0]

    def _operands(self, tokens: list[Token], dot: Any) -> list[Any]:
        values: list[Any] = []
        rest = list(tokens)
        while rest:
            kind, text = rest.pop(0)
            if (kind, text) == ("sign", "("):
                inner: list[Token] = []
                depth = 1
                while rest and depth:
                    token = rest.pop(0)
                    depth += (token == ("sign", "(")) - (token == ("sign", ")"))
                    if depth:
                        inner.append(token)
                value = self._pipeline(inner, dot)
                if rest and rest[0][0] == "field":
                    value = _fields(value, rest.pop(0)[1])
                values.append(value)
            elif kind == "string":
                values.append(json.loads(text) if text[0] == '"' else text[1:-1])
            elif kind == "number":
                values.append(int(text))
            elif kind == "dot":
                values.append(dot)
            elif kind == "field":
                values.append(_fields(dot, text))
            elif kind == "variable":
                name, _, path = text.partition(".")
                if name not in self._variables:
                    raise TemplateSyntaxError(f'template: :1: undefined variable "{name}"')
                value = self._variables[name]
                values.append(_fields(value, f".{path}") if path else value)
            elif kind == "word":
                values.append({"true": True, "false": False}.get(text))
        return values


def _fields(value: Any, path: str) -> Any:
    for name in path[1:].split("."):
        if isinstance(value, Mapping):
            if name not in value:
                kind = getattr(value, "kind", "")
                problem = (
                    f"can't evaluate field {name} in type {kind}"
                    if kind
                    else f'map has no entry for key "{name}"'
                )
                raise TemplateError(f'template: :1:2: executing "" at <{path}>: {problem}')
            value = value[name]
        elif value is None:
            raise TemplateError(f'template: :1:2: executing "" at <{path}>: nil pointer evaluating')
        else:
            raise TemplateError(
                f'template: :1:2: executing "" at <{path}>: can\'t evaluate field {name}'
            )
    return value


def truth(value: Any) -> bool:
    """Whether Go's ``if`` takes it for true: not zero, not empty."""
    return bool(value)


def plain(value: Any) -> str:
    """A value as ``{{.}}`` prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{plain(v)}" for k, v in sorted(value.items())) + "]"
    if isinstance(value, list | tuple):
        return "[" + " ".join(plain(v) for v in value) + "]"
    return str(value)


def to_json(value: Any) -> str:
    """As ``{{json .}}`` prints it: Go's encoder, without the escapes for HTML."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else value[key]
    return value


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "json": to_json,
    "join": lambda items, sign: sign.join(map(str, items)),
    "lower": lambda text: text.lower(),
    "upper": lambda text: text.upper(),
    "title": lambda text: text[:1].upper() + text[1:],
    "split": lambda text, sign: text.split(sign),
    "len": len,
    "index": _index,
    "slice": lambda value, *ends: value[slice(*ends)],
    "print": lambda *items: " ".join(plain(item) for item in items),
    "println": lambda *items: " ".join(plain(item) for item in items) + "\n",
    "printf": lambda form, *items: re.sub(r"%[vq]", "%s", form) % items,
    "truncate": lambda text, size: text[:size],
    "pad": lambda text, before, after: " " * before + text + " " * after if text else text,
    "eq": lambda first, *others: any(first == other for other in others),
    "ne": lambda one, two: one != two,
    "lt": lambda one, two: one < two,
    "le": lambda one, two: one <= two,
    "gt": lambda one, two: one > two,
    "ge": lambda one, two: one >= two,
    "not": lambda value: not truth(value),
    "and": lambda *values: next((value for value in values if not truth(value)), values[-1]),
    "or": lambda *values: next((value for value in values if truth(value)), values[-1]),
}
