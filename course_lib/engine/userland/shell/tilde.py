"""``~`` and ``~user``: home directories in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.userland import users
from course_lib.engine.userland.shell.splitting import Fields

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


def replaced(
    shell: Shell, text: str, *, at_start: bool, colons: bool, ends_word: bool, fields: Fields
) -> str:
    """Put home directories in; they are quoted, so nothing more happens to them."""
    pieces = text.split(":") if colons else [text]
    done: list[str] = []
    for number, piece in enumerate(pieces):
        home = None
        if piece.startswith("~") and (number > 0 or at_start):
            name, slash, rest = piece[1:].partition("/")
            complete = bool(slash) or number < len(pieces) - 1 or ends_word
            home = _home(shell, name) if complete else None
            if home is not None:
                piece_text = home.rstrip("/") + slash + rest if slash else home
                if len(pieces) == 1:
                    fields.literal(home.rstrip("/") if slash else home, True)
                    return slash + rest
                done.append(piece_text)
                continue
        done.append(piece)
    return ":".join(done)


def _home(shell: Shell, name: str) -> str | None:
    if not name:
        return shell.variables.get("HOME")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return None
    user = users.user_by_name(shell.machine.fs, name)
    return user.home if user else None
