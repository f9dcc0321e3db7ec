"""Builtins about positional parameters and options: ``set``, ``shift``, ``getopts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland.shell.builtins.variables import single_quoted
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.options import OPTIONS

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_LETTERS = {letter: name for name, letter in OPTIONS.items() if letter}


async def set_(shell: Shell, argv: list[str]) -> int:
    """Options and positional parameters; alone, all variables."""
    words = argv[1:]
    if not words:
        for name, variable in shell.variables.items():
            if variable.value is not None:
                await shell.proc.out(f"{name}={single_quoted(variable.value)}\n")
        return 0
    while words and words[0][:1] in ("-", "+") and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            shell.positional = words
            return 0
        if word.startswith("--"):
            raise ShellError(f"illegal option {word}", command="set")
        on = word[0] == "-"
        for letter in word[1:]:
            if letter == "o":
                if not words:
                    await _list(shell, on)
                    return 0
                name = words.pop(0)
                if name not in OPTIONS:
                    sign = "-" if on else "+"
                    await shell.complain(f"illegal option {sign}o {name}", "set")
                    return 1
                set_option(shell, name, on)
            else:
                set_letter(shell, letter, on, "set")
    if words[:1] == ["-"]:
        words = words[1:]
        shell.positional = words
    elif words:
        shell.positional = words
    return 0


def set_letter(shell: Shell, letter: str, on: bool, command: str | None) -> None:
    """Set one option by its letter."""
    if letter not in _LETTERS:
        if shell.bash and letter in "hBHPT":
            return
        raise ShellError(f"illegal option -{letter}", command=command)
    set_option(shell, _LETTERS[letter], on)


def set_option(shell: Shell, name: str, on: bool) -> None:
    """Set one option by its name.

    :raises ShellError: lines at a terminal are edited in one way, which is not that of vi.
    """
    if name == "vi" and on and shell.interactive:
        raise ShellError("editing as in vi is not available in the embedded engine", command="set")
    shell.options[name] = on
    if name == "allexport":
        shell.variables.export_all = on


async def _list(shell: Shell, readable: bool) -> None:
    for name in OPTIONS:
        state = shell.options[name]
        if readable:
            await shell.proc.out(f"{name:<16}{'on' if state else 'off'}\n")
        else:
            await shell.proc.out(f"set {'-' if state else '+'}o {name}\n")


async def shift(shell: Shell, argv: list[str]) -> int:
    """Drop positional parameters."""
    count = 1
    if len(argv) > 1:
        if not argv[1].isdigit():
            raise ShellError(f"Illegal number: {argv[1]}", command="shift")
        count = int(argv[1])
    if count > len(shell.positional):
        return 1
    del shell.positional[:count]
    return 0


async def getopts(shell: Shell, argv: list[str]) -> int:
    """Take the next option of the arguments."""
    if len(argv) < 3:
        raise ShellError("usage: getopts optstring var [arg]", command="getopts")
    letters, name = argv[1], argv[2]
    words = argv[3:] or shell.positional
    variables = shell.variables
    try:
        index = int(variables.get("OPTIND") or "1")
    except ValueError:
        index = 1
    if index < 1 or ((index, len(words)) != shell.getopts_seen and index == 1):
        shell.getopts_place = 0
    if index < 1 or index > len(words) + 1:
        index, shell.getopts_place = 1, 0
    if shell.getopts_place:
        index -= 1  # within a word OPTIND names the next one
    silent = letters.startswith(":")
    if index > len(words) or (
        not shell.getopts_place and (words[index - 1][:1] != "-" or words[index - 1] == "-")
    ):
        return _end(shell, name, index)
    if not shell.getopts_place and words[index - 1] == "--":
        return _end(shell, name, index + 1)
    word = words[index - 1]
    place = shell.getopts_place or 1
    letter = word[place]
    place += 1
    index += 1
    rest = word[place:]
    found = letters.find(letter) if letter != ":" else -1
    value = letter
    variables.unset("OPTARG")
    if not rest:
        place = 0
    if found < 0:
        value = "?"
        if silent:
            variables.set("OPTARG", letter)
        else:
            await shell.proc.err(f"Illegal option -{letter}\n")
    elif letters[found + 1 : found + 2] == ":":
        if rest:
            variables.set("OPTARG", rest)
            place = 0
        elif index <= len(words):
            variables.set("OPTARG", words[index - 1])
            index += 1
        elif silent:
            value = ":"
            variables.set("OPTARG", letter)
        else:
            value = "?"
            await shell.proc.err(f"No arg for -{letter} option\n")
    elif not shell.bash:
        variables.set("OPTARG", "")
    shell.getopts_place = place
    variables.set(name, value)
    variables.set("OPTIND", str(index))
    shell.getopts_seen = (index, len(words))
    return 0


def _end(shell: Shell, name: str, index: int) -> int:
    shell.getopts_place = 0
    shell.variables.set(name, "?")
    shell.variables.set("OPTIND", str(index))
    return 1
