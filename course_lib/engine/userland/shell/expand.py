"""Expansion of words, in the order POSIX gives: tilde, parameters, commands, arithmetic, then
field splitting, file names and quote removal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.engine.userland import users
from course_lib.engine.userland.shell import arithmetic, arrays, braces, patterns
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import (
    Arithmetic,
    CommandSubstitution,
    Parameter,
    Part,
    Text,
    Word,
)
from course_lib.engine.userland.shell.variables import NAME

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

DEFAULT_IFS = " \t\n"
_GLOB = frozenset("*?[")

Piece = tuple[str, bool]
"""Text and whether it was quoted."""


class _Fields:
    """Collects the fields of a word: pieces of text, cut where expansions are split."""

    def __init__(self, separators: str, split: bool) -> None:
        self.fields: list[list[Piece]] = []
        self._current: list[Piece] | None = None
        self._split = split
        self._white = "".join(c for c in separators if c in DEFAULT_IFS)
        self._hard = "".join(c for c in separators if c not in DEFAULT_IFS)

    def literal(self, text: str, quoted: bool) -> None:
        if text or quoted:
            self._add(text, quoted)

    def _add(self, text: str, quoted: bool) -> None:
        if self._current is None:
            self._current = []
        self._current.append((text, quoted))

    def cut(self, *, force: bool = False) -> None:
        """End the field; ``force`` also makes an empty one."""
        if self._current is not None:
            self.fields.append(self._current)
        elif force:
            self.fields.append([])
        self._current = None

    def expanded(self, text: str, quoted: bool) -> None:
        """The result of an expansion."""
        if quoted:
            self._add(text, True)
        elif not self._split:
            self._add(text, False)
        else:
            self._split_text(text)

    def _split_text(self, text: str) -> None:
        if not self._white and not self._hard:
            if text:
                self._add(text, False)
            return
        position = 0
        start = 0
        while position < len(text):
            char = text[position]
            if char not in self._white and char not in self._hard:
                position += 1
                continue
            if position > start:
                self._add(text[start:position], False)
            while position < len(text) and text[position] in self._white:
                position += 1
            hard = position < len(text) and text[position] in self._hard
            if hard:
                position += 1
                while position < len(text) and text[position] in self._white:
                    position += 1
            self.cut(force=hard)
            start = position
        if start < len(text):
            self._add(text[start:], False)

    def done(self) -> list[list[Piece]]:
        self.cut()
        return self.fields


class Expander:
    """Expands words for one shell."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    # --- what the interpreter asks for -------------------------------------------------------

    async def fields(self, words: Sequence[Word]) -> list[str]:
        """Arguments of a command: split, and file names put in for patterns."""
        result: list[str] = []
        for word in words:
            if len(word) == 1 and isinstance(word[0], Text):
                part = word[0]
                if part.quoted or not _needs_expansion(part.text):
                    result.append(part.text)
                    continue
            for braced in braces.expand(word) if self._shell.bash else (word,):
                result += await self._word_fields(braced)
        return result

    async def _word_fields(self, word: Word) -> list[str]:
        fields = await self._collect(word, split=True)
        result: list[str] = []
        for field in fields:
            text = "".join(piece for piece, _ in field)
            if self._shell.options["noglob"] or not any(
                not quoted and _GLOB.intersection(piece) for piece, quoted in field
            ):
                result.append(text)
                continue
            pattern = _pattern(field)
            names = (
                patterns.expand(self._shell.proc.fs, self._shell.proc.cwd, pattern)
                if patterns.has_magic(pattern)
                else []
            )
            result += names or ([] if self._shell.null_glob else [text])
        return result

    async def string(self, word: Word, *, assignment: bool = False) -> str:
        """One string: no splitting, no file names."""
        if len(word) == 1 and isinstance(word[0], Text) and "~" not in word[0].text:
            return word[0].text
        field = await self._collect(word, split=False, assignment=assignment)
        return "".join(text for pieces in field for text, _ in pieces)

    async def pattern(self, word: Word) -> str:
        """A pattern in which what was quoted is escaped."""
        field = await self._collect(word, split=False)
        return "".join(_pattern(pieces) for pieces in field)

    # --- parts -------------------------------------------------------------------------------

    async def _collect(
        self, word: Word, *, split: bool, assignment: bool = False
    ) -> list[list[Piece]]:
        ifs = self._shell.variables.get("IFS")
        fields = _Fields(DEFAULT_IFS if ifs is None else ifs, split)
        await self._parts(word, fields, tilde=True, assignment=assignment)
        return fields.done()

    async def _parts(
        self, word: Word, fields: _Fields, *, tilde: bool = False, assignment: bool = False
    ) -> None:
        for number, part in enumerate(word):
            if isinstance(part, Text):
                text = part.text
                if "~" in text and not part.quoted:
                    text = self._tildes(
                        text,
                        at_start=tilde and number == 0,
                        colons=assignment,
                        ends_word=number == len(word) - 1,
                        fields=fields,
                    )
                fields.literal(text, part.quoted)
            else:
                await self._part(part, fields)

    async def _part(self, part: Part, fields: _Fields) -> None:
        if isinstance(part, Parameter):
            await self._parameter(part, fields)
        elif isinstance(part, CommandSubstitution):
            if self._shell.bash and (path := self._process(part)):
                fields.expanded(path, True)
            else:
                fields.expanded(await self._shell.substitute(part.body), part.quoted)
        elif isinstance(part, Arithmetic):
            value = await self.arithmetic(part.expression)
            fields.expanded(str(value), part.quoted)

    def _process(self, part: CommandSubstitution) -> str | None:
        """The path of a process substitution."""
        from course_lib.engine.userland.shell import procsubst

        found = procsubst.body_of(part.body)
        return found and procsubst.start(self._shell, found[0], read=found[1])

    async def arithmetic(self, expression: Word) -> int:
        """The value of an expression whose words are still to be expanded."""
        text = await self.string(expression)
        if self._shell.bash:
            text = text.replace('"', "")  # to ash they are no part of an expression
        return self.number(text)

    def number(self, text: str) -> int:
        """The value of an expression."""
        shell = self._shell

        def get(name: str) -> str | None:
            value = arrays.read(shell, name) if "[" in name else shell.variables.get(name)
            if value is None and shell.options["nounset"]:
                raise ShellError(f"{name}: parameter not set")
            return value

        def put(name: str, value: str) -> None:
            if "[" in name:
                arrays.write(shell, name, value)
            else:
                shell.variables.set(name, value)

        return arithmetic.evaluate(text, get, put, bash=shell.bash)

    # --- tilde -------------------------------------------------------------------------------

    def _tildes(
        self, text: str, *, at_start: bool, colons: bool, ends_word: bool, fields: _Fields
    ) -> str:
        """Put home directories in; they are quoted, so nothing more happens to them."""
        pieces = text.split(":") if colons else [text]
        done: list[str] = []
        for number, piece in enumerate(pieces):
            home = None
            if piece.startswith("~") and (number > 0 or at_start):
                name, slash, rest = piece[1:].partition("/")
                complete = bool(slash) or number < len(pieces) - 1 or ends_word
                home = self._home(name) if complete else None
                if home is not None:
                    piece_text = home.rstrip("/") + slash + rest if slash else home
                    if len(pieces) == 1:
                        fields.literal(home.rstrip("/") if slash else home, True)
                        return slash + rest
                    done.append(piece_text)
                    continue
            done.append(piece)
        return ":".join(done)

    def _home(self, name: str) -> str | None:
        if not name:
            return self._shell.variables.get("HOME")
        if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
            return None
        user = users.user_by_name(self._shell.machine.fs, name)
        return user.home if user else None

    # --- parameters --------------------------------------------------------------------------

    async def _parameter(self, part: Parameter, fields: _Fields) -> None:
        if part.operator == "bad":
            raise ShellError("syntax error: bad substitution")
        if part.operator == "bash":
            await self._bash(part, fields)
            return
        if part.name in ("@", "*") and part.operator in ("", "substring"):
            await self._positionals(part, fields)
            return
        value = self._shell.parameter(part.name)
        if part.operator == "length":
            if part.name in ("@", "*") and self._shell.bash:
                value = str(len(self._shell.positional))
                fields.expanded(value, part.quoted)
                return
            fields.expanded(str(len(self._set_or_fail(part.name, value))), part.quoted)
            return
        missing = value is None or (part.colon and value == "")
        if part.operator in ("-", "+", "=", "?"):
            await self._alternative(part, value, missing, fields)
            return
        text = self._set_or_fail(part.name, value)
        if part.operator in ("#", "##", "%", "%%"):
            text = patterns.trim(text, await self.pattern(part.word), part.operator)
        elif part.operator == "substring":
            text = await self._substring(text, part.word)
        elif part.operator == "replace":
            text = await self.replaced(text, part.word)
        fields.expanded(text, part.quoted)

    def _set_or_fail(self, name: str, value: str | None) -> str:
        if value is None:
            if self._shell.options["nounset"] and name not in ("@", "*"):
                raise ShellError(f"{name}: parameter not set")
            return ""
        return value

    async def _alternative(
        self, part: Parameter, value: str | None, missing: bool, fields: _Fields
    ) -> None:
        if part.operator == "+":
            if not missing:
                await self._word(part, fields)
            return
        if not missing:
            if part.name in ("@", "*"):
                await self._positionals(Parameter(part.name, quoted=part.quoted), fields)
            else:
                fields.expanded(value or "", part.quoted)
            return
        if part.operator == "-":
            await self._word(part, fields)
        elif part.operator == "=":
            if not NAME.match(part.name):
                raise ShellError(f"{part.name}: bad variable name")
            text = await self.string(part.word)
            self._shell.variables.set(part.name, text)
            fields.expanded(text, part.quoted)
        else:
            message = await self.string(part.word)
            if message and self._shell.bash:
                raise ShellError(f"{part.name}: {message}", 127)
            if not message:
                message = "parameter not set"
                if part.colon or self._shell.bash:
                    message = "parameter not set or null"
            raise ShellError(f"{part.name}: {message}")

    async def _word(self, part: Parameter, fields: _Fields) -> None:
        """The word of ``${x-word}``: its unquoted text is split as an expansion is."""
        for number, inner in enumerate(part.word):
            if isinstance(inner, Text):
                text = inner.text
                if number == 0 and text.startswith("~") and not inner.quoted:
                    text = self._tildes(
                        text, at_start=True, colons=False, ends_word=len(part.word) == 1,
                        fields=fields,
                    )  # fmt: skip
                if inner.quoted:
                    fields.literal(text, True)
                else:
                    fields.expanded(text, False)
            else:
                await self._part(inner, fields)
        if not part.word and part.quoted:
            fields.literal("", True)

    async def _bash(self, part: Parameter, fields: _Fields) -> None:
        from course_lib.engine.userland.shell import bashparams

        values, apart = await bashparams.values(self._shell, part)
        self._several(values, fields, quoted=part.quoted, joined=not apart)

    async def _positionals(self, part: Parameter, fields: _Fields) -> None:
        shell = self._shell
        values = list(shell.positional)
        if part.operator == "substring":
            offset, length = await self.range(part.word)
            everything = [shell.arg0, *values] if offset == 0 else ["", *values]
            end = None if length is None else offset + length
            values = everything[offset:end]
            values = values if offset else values[:]
        self._several(values, fields, quoted=part.quoted, joined=part.name == "*")

    def _several(
        self, values: Sequence[str], fields: _Fields, *, quoted: bool, joined: bool
    ) -> None:
        """Several values: a field each, in quotes ``joined`` or not."""
        if quoted and joined:
            ifs = self._shell.variables.get("IFS")
            joiner = " " if ifs is None else ifs[:1]
            fields.expanded(joiner.join(values), True)
            return
        for number, value in enumerate(values):
            if number:
                fields.cut()
            fields.expanded(value, quoted)

    async def range(self, word: Word) -> tuple[int, int | None]:
        """The numbers of ``offset:length``."""
        text = await self.string(word)
        offset, colon, length = _split_colon(text)
        return self.number(offset), self.number(length) if colon else None

    async def _substring(self, text: str, word: Word) -> str:
        return self.slice(text, *await self.range(word))

    @staticmethod
    def slice(text: str, offset: int, length: int | None) -> str:
        """``${text:offset:length}``."""
        size = len(text)
        if offset < 0:
            offset += size
            if offset < 0:
                return ""
        end = size if length is None else length + (offset if length >= 0 else size)
        return text[offset : max(end, offset)]

    async def replaced(self, text: str, word: Word) -> str:
        """``${text/pattern/replacement}``; the pattern begins with ``/`` for all places."""
        pieces = [p for field in await self._collect(word, split=False) for p in field]
        everywhere = bool(pieces) and pieces[0][0].startswith("/")
        if everywhere:
            pieces[0] = (pieces[0][0][1:], pieces[0][1])
        pattern: list[Piece] = []
        replacement = ""
        found = False
        for piece, quoted in pieces:
            if found:
                replacement += piece
                continue
            cut = _slash(piece)
            if cut is None:
                pattern.append((piece, quoted))
            else:
                found = True
                pattern.append((piece[:cut], quoted))
                replacement = piece[cut + 1 :]
        source = "".join(
            p if not quoted else p if "\\" in p else patterns.quote(p) for p, quoted in pattern
        )
        source = source.replace("\\/", "/")
        if self._shell.bash and source[:1] in ("#", "%") and not everywhere:
            return patterns.replace_end(text, source[1:], replacement, at_start=source[0] == "#")
        return patterns.replace(text, source, replacement, everywhere)


def _slash(text: str) -> int | None:
    position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == "/":
            return position
        position += 1
    return None


def _split_colon(text: str) -> tuple[str, str, str]:
    """``offset:length``; a colon of ``a ? b : c`` or in parentheses does not count."""
    depth = questions = 0
    for position, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "?":
            questions += 1
        elif char == ":" and depth == 0:
            if questions == 0:
                return text[:position], ":", text[position + 1 :]
            questions -= 1
    return text, "", ""


def _needs_expansion(text: str) -> bool:
    return any(char in "*?[~{" for char in text)


def _pattern(pieces: list[Piece]) -> str:
    return "".join(patterns.quote(text) if quoted else text for text, quoted in pieces)
