"""GNU gettext's ``envsubst``, with which the image fills in its templates."""

from __future__ import annotations

import re

from course_lib.engine.interfaces import Process

_REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")


async def envsubst(proc: Process) -> int:
    """Copy standard input to standard output with ``$NAME`` and ``${NAME}`` filled in.

    With an argument, only the variables named in it are replaced.
    """
    words = proc.argv[1:]
    if words and words[0] in {"-v", "--variables"}:
        for name in dict.fromkeys(_names(words[1] if len(words) > 1 else "")):
            await proc.out(f"{name}\n")
        return 0
    if len(words) > 1:
        await proc.err("envsubst: too many arguments\n")
        return 1
    chosen = set(_names(words[0])) if words else None
    data = b""
    while chunk := await proc.stdin.read():
        data += chunk
    text = data.decode("utf-8", "surrogateescape")

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if chosen is not None and name not in chosen:
            return match[0]
        return proc.env.get(name, "")

    await proc.out(_REFERENCE.sub(value, text))
    return 0


def _names(text: str) -> list[str]:
    return [match[1] or match[2] for match in _REFERENCE.finditer(text)]
