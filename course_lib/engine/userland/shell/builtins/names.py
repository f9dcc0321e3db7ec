"""Builtins about what a name means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.userland import loader
from course_lib.engine.userland.shell import builtins
from course_lib.engine.userland.shell.builtins.variables import single_quoted
from course_lib.engine.userland.shell.errors import ShellError

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

KEYWORDS = frozenset(
    ["!", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in",
     "then", "until", "while", "{", "}", "[["]
)  # fmt: skip


async def alias(shell: Shell, argv: list[str]) -> int:
    """Define or show aliases."""
    if len(argv) == 1:
        for name, value in sorted(shell.aliases.items()):
            await shell.proc.out(f"{_alias_prefix(shell)}{name}={single_quoted(value)}\n")
        return 0
    status = 0
    for word in argv[1:]:
        name, equals, value = word.partition("=")
        if equals and name:
            shell.aliases[name] = value
        elif word in shell.aliases:
            shown = single_quoted(shell.aliases[word])
            await shell.proc.out(f"{_alias_prefix(shell)}{word}={shown}\n")
        else:
            await shell.proc.err(f"alias: {word} not found\n")
            status = 1
    return status


def _alias_prefix(shell: Shell) -> str:
    return "alias " if shell.bash else ""


async def unalias(shell: Shell, argv: list[str]) -> int:
    """Forget aliases."""
    if argv[1:2] == ["-a"]:
        shell.aliases.clear()
        return 0
    status = 0
    for name in argv[1:]:
        if shell.aliases.pop(name, None) is None:
            await shell.proc.err(f"unalias: {name} not found\n")
            status = 1
    return status


async def type_(shell: Shell, argv: list[str]) -> int:
    """Say what names mean."""
    if argv[1:] and argv[1].startswith("-") and not shell.bash:
        return await _describe(shell, argv[2:], verbose=False)
    if shell.bash and argv[1:2] in (["-t"], ["-p"], ["-P"]):
        return await _kinds(shell, argv[1], argv[2:])
    status = 0
    for name in argv[1:]:
        text = describe(shell, name)
        if text is None:
            if shell.bash:
                await shell.complain(f"{name}: not found", "type")
            else:
                await shell.proc.out(f"{name}: not found\n")
            status = 127 if not shell.bash else 1
        else:
            await shell.proc.out(f"{name} {text}\n")
    return status


_KINDS = (
    ("is a shell keyword", "keyword"), ("is aliased", "alias"), ("is a function", "function"),
    ("is a shell builtin", "builtin"),
)  # fmt: skip


async def _kinds(shell: Shell, option: str, names: list[str]) -> int:
    """bash's ``type -t``: a word for what a name is; ``-p``: the path of a program."""
    status = 0
    for name in names:
        text = describe(shell, name)
        kind = next((kind for begin, kind in _KINDS if text and text.startswith(begin)), "file")
        if text is None or (kind != "file" and option == "-P"):
            status = 1
        elif option == "-t" or kind == "file":
            await shell.proc.out((kind if option == "-t" else text.removeprefix("is ")) + "\n")
    return status


def describe(shell: Shell, name: str) -> str | None:
    """What follows the name in ``type NAME``; None where it means nothing."""
    if name in KEYWORDS or (shell.bash and name == "time"):
        return "is a shell keyword"
    if name in shell.aliases:
        value = shell.aliases[name]
        return f"is aliased to `{value}'" if shell.bash else f"is an alias for {value}"
    if name in shell.functions:
        return "is a function"
    if builtins.find(name, shell) is not None:
        if builtins.is_special(name) and not shell.bash:
            return "is a special shell builtin"
        return "is a shell builtin"
    path = _path(shell, name)
    return None if path is None else f"is {path}"


def _path(shell: Shell, name: str) -> str | None:
    try:
        found = loader.search(shell.proc.fs, name, shell.variables.get("PATH"), shell.proc.cwd)
    except OSError:
        return None
    return name if "/" in name else found


async def builtin(shell: Shell, argv: list[str]) -> int:
    """Run bash's own command, also where there is a function of its name."""
    if len(argv) == 1:
        return 0
    found = builtins.find(argv[1], shell)
    if found is None:
        raise ShellError(f"{argv[1]}: not a shell builtin", command="builtin")
    return await found(shell, argv[1:])


async def command(shell: Shell, argv: list[str]) -> int:
    """Run a command that is not a function, or say what a name means."""
    words = argv[1:]
    mode = ""
    default_path = False
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        for letter in option[1:]:
            if letter not in "pvV":
                raise ShellError(f"illegal option -{letter}", command="command")
            if letter == "p":
                default_path = True
            else:
                mode = letter
    if not words:
        return 0
    if mode:
        # ash looks at one name only.
        names = words if shell.bash else words[:1]
        return await _describe(shell, names, verbose=mode == "V")
    return await _run(shell, words, default_path)


async def _describe(shell: Shell, words: list[str], *, verbose: bool) -> int:
    status = 0
    for name in words:
        text = describe(shell, name)
        if text is None:
            status = 127 if not shell.bash else 1
            if verbose:
                if shell.bash:
                    await shell.complain(f"{name}: not found", "command")
                else:
                    await shell.proc.out(f"{name}: not found\n")
        elif verbose:
            await shell.proc.out(f"{name} {text}\n")
        elif name in shell.aliases:
            await shell.proc.out(f"alias {name}={single_quoted(shell.aliases[name])}\n")
        else:
            path = _path(shell, name) if text.startswith("is /") or "/" in name else name
            await shell.proc.out(f"{path}\n")
    return status


async def _run(shell: Shell, words: list[str], default_path: bool) -> int:
    from course_lib.engine.userland.shell import external

    builtin = builtins.find(words[0], shell)
    if builtin is not None:
        try:
            return await builtin(shell, words)
        except ShellError as error:
            if not shell.bash:
                error.command = error.command or words[0]
            await shell.report(error)
            return error.status
    env = shell.variables.environment()
    if default_path:
        env["PATH"] = loader.DEFAULT_PATH
    return await external.run_program(shell, words, env)


async def hash_(shell: Shell, argv: list[str]) -> int:
    """Look commands up; nothing is remembered, as every look-up is quick."""
    status = 0
    for name in argv[1:]:
        if name == "-r":
            continue
        if builtins.find(name, shell) is None and _path(shell, name) is None:
            await shell.complain(f"{name}: not found", "hash")
            status = 1
    return status


async def help_(shell: Shell, _argv: list[str]) -> int:
    """List the builtins."""
    lines = ["Built-in commands:", "------------------"]
    row = "\t"
    for name in builtins.all_names(shell):
        if len(row) + len(name) > 64:
            lines.append(row.rstrip())
            row = "\t"
        row += f"{name} "
    await shell.proc.out("\n".join([*lines, row.rstrip()]) + "\n")
    return 0


async def history(shell: Shell, _argv: list[str]) -> int:
    """Show the lines typed."""
    for number, line in enumerate(shell.history):
        await shell.proc.out(f"{number:>4} {line}\n")
    return 0
