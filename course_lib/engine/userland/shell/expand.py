"""Expansion of words, in the order POSIX gives: tilde, parameters, commands, arithmetic, then
field splitting, file names and quote removal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import (
    arithmetic,
    arrays,
    braces,
    parameters,
    patterns,
    tilde,
)
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import (
    Arithmetic,
    CommandSubstitution,
    Parameter,
    Part,
    Text,
    Word,
)
from course_lib.engine.userland.shell.splitting import DEFAULT_IFS, Fields, Piece

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_GLOB = frozenset("*?[")


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
        return _pattern(await self.pieces(word))

    async def pieces(self, word: Word) -> list[Piece]:
        """The same with what was quoted told apart."""
        return [piece for field in await self._collect(word, split=False) for piece in field]

    # --- parts -------------------------------------------------------------------------------

    async def _collect(
        self, word: Word, *, split: bool, assignment: bool = False
    ) -> list[list[Piece]]:
        ifs = self._shell.variables.get("IFS")
        fields = Fields(DEFAULT_IFS if ifs is None else ifs, split)
        await self._parts(word, fields, at_start=True, assignment=assignment)
        return fields.done()

    async def _parts(
        self, word: Word, fields: Fields, *, at_start: bool = False, assignment: bool = False
    ) -> None:
        for number, part in enumerate(word):
            if isinstance(part, Text):
                text = part.text
                if "~" in text and not part.quoted:
                    text = tilde.replaced(
                        self._shell,
                        text,
                        at_start=at_start and number == 0,
                        colons=assignment,
                        ends_word=number == len(word) - 1,
                        fields=fields,
                    )
                fields.literal(text, part.quoted)
            else:
                await self.part(part, fields)

    async def part(self, part: Part, fields: Fields) -> None:
        """Put one part of a word that is no literal text into its fields."""
        if isinstance(part, Parameter):
            await parameters.expand(self._shell, part, fields)
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
            if value is None and shell.bash and shell.options["nounset"]:
                raise ShellError(f"{name}: parameter not set")
            return value

        def put(name: str, value: str) -> None:
            if "[" in name:
                arrays.write(shell, name, value)
            else:
                shell.variables.set(name, value)

        return arithmetic.evaluate(text, get, put, bash=shell.bash)


def _needs_expansion(text: str) -> bool:
    return any(char in "*?[~{" for char in text)


def _pattern(pieces: list[Piece]) -> str:
    return "".join(patterns.quote(text) if quoted else text for text, quoted in pieces)
