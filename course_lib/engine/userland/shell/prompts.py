r"""Prompts: parameters and substitutions in ``PS1``, ``PS2`` and ``PS4``; ``\w`` and its kin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from course_lib.engine.userland import users
from course_lib.engine.userland.shell import dash, nodes
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def expand(shell: Shell, text: str, *, keep_escapes: bool = False) -> str:
    """A prompt expanded as if in double quotes, untraced and with ``$?`` kept.

    :param keep_escapes: backslashes stay, for :func:`unescape`.
    """
    if not re.search(r"(?<!\\)[$`]", text):
        return text
    if keep_escapes:
        text = text.replace("\\", "\\\\").replace("\\\\$", "\\\\\\$")
    script = dash.parse(': "' + text.replace('"', '\\"') + '"', bash=shell.bash)
    node = script.commands[0] if script.commands and script.fault is None else None
    if not isinstance(node, nodes.Command) or len(node.words) != 2:
        return text
    status, traced = shell.status, shell.options["xtrace"]
    shell.options["xtrace"] = False
    try:
        return await shell.expander.string(node.words[1])
    except ShellError as error:
        await shell.report(error)
        return text
    finally:
        shell.options["xtrace"] = traced
        shell.status = status


def unescape(shell: Shell, text: str) -> str:
    r"""``\w``, ``\u``, ``\h``, ``\$`` and the like in a prompt."""
    out = []
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char != "\\" or position == len(text):
            out.append(char)
            continue
        letter = text[position]
        position += 1
        octal = re.match("[0-7]{1,3}", text[position - 1 :])
        if octal:
            position += len(octal[0]) - 1
            out.append(chr(int(octal[0], 8) & 0xFF))
        else:
            out.append(_escape(shell, letter))
    return "".join(out)


def _escape(shell: Shell, letter: str) -> str:
    machine = shell.machine
    match letter:
        case "w" | "W":
            path = shell.variables.get("PWD") or shell.proc.cwd
            home = shell.variables.get("HOME") or ""
            if home not in ("", "/") and (path == home or path.startswith(home + "/")):
                path = "~" + path[len(home) :]
            if letter == "w" or (path == "/" and shell.bash):
                return path
            return path.rsplit("/", 1)[-1]  # nothing for the root, in ash
        case "h":
            return machine.hostname.split(".")[0]
        case "H":
            return machine.hostname
        case "u":
            return users.user_name(machine.fs, shell.proc.uid)
        case "$":
            return "#" if shell.proc.uid == 0 else "$"
        case "s":
            return shell.arg0_name()
        case "t" | "T" | "A" | "@":
            from datetime import UTC, datetime

            now = datetime.fromtimestamp(machine.clock.time_ns() / 1e9, UTC)
            return now.strftime("%H:%M" if letter == "A" else "%H:%M:%S")
        case "!":
            return str(len(shell.history) + 1)
        case "n" | "r" | "a" | "e" | "E":
            return {"n": "\n", "r": "\r", "a": "\a", "e": "\x1b", "E": "\x1b"}[letter]
        case "[" | "]":
            return ""
        case _:
            return letter
