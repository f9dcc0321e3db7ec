"""Parameter expansion: ``$x``, ``${x:-word}``, ``${x%.txt}``, ``"$@"`` and their kin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import patterns, slices, tilde
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.nodes import Parameter, Text
from course_lib.engine.userland.shell.variables import NAME

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell
    from course_lib.engine.userland.shell.splitting import Fields

_ALL = ("@", "*")


async def expand(shell: Shell, part: Parameter, fields: Fields) -> None:
    """Put the value of a parameter into the fields of a word.

    :raises ShellError: it is not set, and has to be.
    """
    operator = part.operator
    if operator == "bad":
        raise ShellError("syntax error: bad substitution")
    if operator == "bash":
        from course_lib.engine.userland.shell import bashparams

        values, apart = await bashparams.values(shell, part)
        _several(shell, values, fields, quoted=part.quoted, joined=not apart)
        return
    if part.name in _ALL and operator in ("", "substring"):
        await _positionals(shell, part, fields)
        return
    value = shell.parameter(part.name)
    if operator in ("-", "+", "=", "?"):
        await _alternative(shell, part, value, fields)
        return
    if operator == "length":
        if part.name in _ALL and shell.bash:
            text = str(len(shell.positional))
        else:
            text = str(len(_set_or_fail(shell, part.name, value)))
        fields.expanded(text, part.quoted)
        return
    text = _set_or_fail(shell, part.name, value)
    if operator in ("#", "##", "%", "%%"):
        text = patterns.trim(text, await shell.expander.pattern(part.word), operator)
    elif operator == "substring":
        text = slices.cut(text, *await slices.bounds(shell, part.word))
    elif operator == "replace":
        text = await slices.replaced(shell, text, part.word)
    fields.expanded(text, part.quoted)


def _set_or_fail(shell: Shell, name: str, value: str | None) -> str:
    if value is None:
        if shell.options["nounset"] and name not in _ALL:
            raise ShellError(f"{name}: parameter not set")
        return ""
    return value


async def _alternative(shell: Shell, part: Parameter, value: str | None, fields: Fields) -> None:
    """``${x-word}``, ``${x+word}``, ``${x=word}``, ``${x?word}``, each also with a colon."""
    if part.name in _ALL and value is None and not shell.bash:
        value = ""  # to ash they are always set
    missing = value is None or (part.colon and value == "")
    if part.operator == "+":
        if not missing:
            await _word(shell, part, fields)
        elif part.name != "@":
            fields.literal("", part.quoted)
    elif not missing:
        if part.name in _ALL and value:
            await _positionals(shell, Parameter(part.name, quoted=part.quoted), fields)
        else:
            fields.expanded(value or "", part.quoted)
    elif part.operator == "-":
        await _word(shell, part, fields)
    elif part.operator == "=":
        if not NAME.match(part.name):
            raise ShellError(f"{part.name}: bad variable name")
        text = await shell.expander.string(part.word)
        shell.variables.set(part.name, text)
        fields.expanded(text, part.quoted)
    else:
        message = await shell.expander.string(part.word)
        if message and shell.bash:
            raise ShellError(f"{part.name}: {message}", 127)
        if not message:
            message = "parameter not set"
            if part.colon or shell.bash:
                message = "parameter not set or null"
        raise ShellError(f"{part.name}: {message}")


async def _word(shell: Shell, part: Parameter, fields: Fields) -> None:
    """The word of ``${x-word}``: its unquoted text is split as an expansion is."""
    for number, inner in enumerate(part.word):
        if isinstance(inner, Text):
            text = inner.text
            if number == 0 and text.startswith("~") and not inner.quoted:
                text = tilde.replaced(
                    shell, text, at_start=True, colons=False, ends_word=len(part.word) == 1,
                    fields=fields,
                )  # fmt: skip
            if inner.quoted:
                fields.literal(text, True)
            else:
                fields.expanded(text, False)
        else:
            await shell.expander.part(inner, fields)
    if not part.word and part.quoted:
        fields.literal("", True)


async def _positionals(shell: Shell, part: Parameter, fields: Fields) -> None:
    values = list(shell.positional)
    if part.operator == "substring":
        offset, length = await slices.bounds(shell, part.word)
        if shell.bash:
            everything = [shell.arg0, *values] if offset == 0 else ["", *values]
            values = everything[offset : None if length is None else offset + length]
        else:  # ash cuts the text of all of them, in which each ends with a NUL
            values = slices.cut("\0".join(values), offset, length).split("\0")
    _several(shell, values, fields, quoted=part.quoted, joined=part.name == "*")


def _several(
    shell: Shell, values: Sequence[str], fields: Fields, *, quoted: bool, joined: bool
) -> None:
    """Several values: a field each, in quotes ``joined`` or not."""
    if quoted and joined:
        ifs = shell.variables.get("IFS")
        joiner = " " if ifs is None else ifs[:1]
        fields.expanded(joiner.join(values), True)
        return
    for number, value in enumerate(values):
        if number:
            fields.cut()
        fields.expanded(value, quoted)
