"""Parts of a value: ``${x:offset:length}`` and ``${x/pattern/replacement}``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.shell import patterns

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.nodes import Word
    from course_lib.engine.userland.shell.shell import Shell
    from course_lib.engine.userland.shell.splitting import Piece


async def bounds(shell: Shell, word: Word) -> tuple[int, int | None]:
    """The numbers of ``offset:length``."""
    text = await shell.expander.string(word)
    offset, colon, length = _split_colon(text)
    number = shell.expander.number
    return number(offset), number(length) if colon else None


def cut(text: str, offset: int, length: int | None) -> str:
    """``${text:offset:length}``."""
    size = len(text)
    if offset < 0:
        offset += size
        if offset < 0:
            return ""
    end = size if length is None else length + (offset if length >= 0 else size)
    return text[offset : max(end, offset)]


async def replaced(shell: Shell, text: str, word: Word) -> str:
    """``${text/pattern/replacement}``; the pattern begins with ``/`` for all places."""
    pieces = await shell.expander.pieces(word)
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
        place = _slash(piece)
        if place is None:
            pattern.append((piece, quoted))
        else:
            found = True
            pattern.append((piece[:place], quoted))
            replacement = piece[place + 1 :]
    source = "".join(
        p if not quoted else p if "\\" in p else patterns.quote(p) for p, quoted in pattern
    )
    source = source.replace("\\/", "/")
    if shell.bash and source[:1] in ("#", "%") and not everywhere:
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
