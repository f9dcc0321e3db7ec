"""bash's ``declare``, ``mapfile`` and ``shopt``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.engine.userland.shell import arrays
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.variables import NAME, Variable

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile
    from course_lib.engine.userland.shell.shell import Shell

_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "i": {"integer": True}, "u": {"case": "upper"}, "l": {"case": "lower"},
    "x": {"exported": True}, "a": {}, "A": {"associative": True}, "r": {}, "g": {},
}  # fmt: skip


async def declare(shell: Shell, argv: list[str]) -> int:
    """Give variables attributes and values, local ones within a function."""
    letters, words = _letters(argv, "aAfFgilprux")
    if "p" in letters or not words or letters & {"f", "F"}:
        return await _show(shell, letters, words)
    wanted: dict[str, Any] = {}
    for letter in letters:
        wanted |= _ATTRIBUTES[letter]
    for word in words:
        name, equals, value = word.partition("=")
        append = name.endswith("+")
        name = name.removesuffix("+")
        if not NAME.match(name):
            raise ShellError(f"`{word}': not a valid identifier", command=argv[0])
        if shell.variables.in_function and "g" not in letters:
            shell.variables.make_local(name)
            if not append:
                shell.variables.unset(name)
        shell.variables.declare(name, **wanted)
        if letters & {"a", "A"} and (found := shell.variables.find(name)) and not found.elements:
            shell.variables.set_elements(name, {})
        if equals:
            arrays.put(shell, name, None, value, append=append)
        if "r" in letters:
            shell.variables.mark(name, readonly=True)
    return 0


def _letters(argv: list[str], known: str) -> tuple[set[str], list[str]]:
    letters: set[str] = set()
    words = argv[1:]
    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        for letter in word[1:]:
            if letter not in known:
                raise ShellError(f"-{letter}: invalid option", 2, command=argv[0])
            letters.add(letter)
    return letters, words


async def _show(shell: Shell, letters: set[str], words: list[str]) -> int:
    if letters & {"f", "F"}:
        from course_lib.engine.userland.shell import unparse

        for name in words or sorted(shell.functions):
            if name not in shell.functions:
                return 1
            shown = f"declare -f {name}" if "F" in letters and not words else name
            if "f" in letters:
                shown = f"{name} () \n{{ \n    {unparse.text(shell.functions[name])}\n}}"
            await shell.proc.out(f"{shown}\n")
        return 0
    status = 0
    for name in words or [known for known, _ in shell.variables.items()]:
        variable = shell.variables.find(name)
        if variable is None:
            await shell.complain(f"{name}: not found", "declare")
            status = 1
        elif words or "p" in letters:
            await shell.proc.out(f"{_declaration(name, variable)}\n")
        else:
            await shell.proc.out(f"{name}={variable.value or ''}\n")
    return status


def _declaration(name: str, variable: Variable) -> str:
    flags = "".join(
        letter
        for letter, on in (
            ("a", variable.elements is not None and not variable.associative),
            ("A", variable.associative), ("i", variable.integer), ("r", variable.readonly),
            ("x", variable.exported), ("l", variable.case == "lower"),
            ("u", variable.case == "upper"),
        )
        if on
    )  # fmt: skip
    text = f"declare -{flags or '-'} {name}"
    if variable.elements is not None:
        end = " " if variable.associative and variable.elements else ""
        pairs = [f"[{key}]={_double(value)}" for key, value in variable.elements.items()]
        return f"{text}=({' '.join(pairs)}{end})"
    return text if variable.value is None else f"{text}={_double(variable.value)}"


def _double(value: str) -> str:
    for char in '\\"$`':
        value = value.replace(char, f"\\{char}")
    return f'"{value}"'


async def mapfile(shell: Shell, argv: list[str]) -> int:
    """Read lines into an array; ``-t`` without their ends, ``-n`` at most so many."""
    words = argv[1:]
    strip, most = False, 0
    while words and words[0].startswith("-"):
        option = words.pop(0)
        if option == "-t":
            strip = True
        elif option == "-n" and words and words[0].isdigit():
            most = int(words.pop(0))
        else:
            raise ShellError(f"{option}: invalid option", 2, command=argv[0])
    data = await _everything(shell.proc.stdin)
    lines = data.decode("utf-8", "surrogateescape").splitlines(keepends=True)
    lines = lines[: most or None]
    if strip:
        lines = [line.removesuffix("\n") for line in lines]
    shell.variables.set_elements(words[0] if words else "MAPFILE", dict(enumerate(lines)))
    return 0


_UNMINDED = frozenset(
    ["checkhash", "checkwinsize", "cmdhist", "expand_aliases", "extquote", "histappend",
     "interactive_comments", "login_shell", "progcomp", "promptvars", "sourcepath"]
)  # fmt: skip
"""Options about the terminal and the history, or that are always on."""


async def shopt(shell: Shell, argv: list[str]) -> int:
    """Set (``-s``) and unset (``-u``) options: ``nullglob``."""
    letters, words = _letters(argv, "pqsu")
    for word in words:
        if word in _UNMINDED:
            continue
        if word != "nullglob":
            raise ShellError(
                f"{word}: not available in containers of the embedded engine", command="shopt"
            )
        if "s" in letters:
            shell.null_glob = True
        elif "u" in letters:
            shell.null_glob = False
        else:
            if "q" not in letters:
                await shell.proc.out(f"{word:<15}\t{'on' if shell.null_glob else 'off'}\n")
            return int(not shell.null_glob)
    return 0


async def _everything(file: OpenFile) -> bytes:
    chunks = []
    while chunk := await file.read(65536):
        chunks.append(chunk)
    return b"".join(chunks)
