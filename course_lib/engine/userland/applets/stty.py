"""``stty``: what a terminal does with what is typed and printed."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any, cast

from course_lib.engine.interfaces import Process
from course_lib.engine.userland.applets.common import Fail, integer
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.tty import Attributes, PseudoTerminal, terminal_of

# stty's flags in its order, by group, as a new terminal of Docker's has them.
_USUAL = (
    "-parenb -parodd -cmspar cs8 -hupcl -cstopb cread -clocal -crtscts",
    "-ignbrk -brkint -ignpar -parmrk -inpck -istrip -inlcr -igncr icrnl ixon -ixoff -iuclc -ixany "
    "-imaxbel -iutf8",
    "opost -olcuc -ocrnl onlcr -onocr -onlret -ofill -ofdel nl0 cr0 tab0 bs0 vt0 ff0",
    "isig icanon iexten echo echoe echok -echonl -noflsh -xcase -tostop -echoprt echoctl echoke "
    "-flusho -extproc",
)
_FLAGS = [word for group in _USUAL for word in group.split()]
_EFFECTIVE = ("icanon", "echo", "isig", "icrnl", "opost")
"""Flags that change something here; the others are kept and shown."""
_INSANE = ("brkint", "imaxbel")
"""Flags that a sane terminal has set, and a new one of Docker's has not."""
_UNMINDED = (
    "parenb", "parodd", "cmspar", "cs8", "hupcl", "cstopb", "clocal", "crtscts", "ignpar",
    "parmrk", "inpck", "istrip", "ixon",
)  # fmt: skip
"""Flags that ``sane`` leaves as they are: never shown as different from it."""
_CHARACTERS = (
    ("intr", None), ("quit", None), ("erase", None), ("kill", None), ("eof", None),
    ("eol", "<undef>"), ("eol2", "<undef>"), ("swtch", "<undef>"), ("start", "^Q"), ("stop", "^S"),
    ("susp", None), ("rprnt", "^R"), ("werase", None), ("lnext", None), ("flush", "^O"),
)  # fmt: skip
"""Control characters in stty's order; a text stands for one that does nothing here."""


async def stty(process: Process) -> int:
    """Show or change the settings of the terminal."""
    proc = cast(ContainerProcess, process)
    terminal = terminal_of(proc.stdin)
    words = proc.argv[1:]
    try:
        if terminal is None:
            raise Fail("standard input: Not a tty")
        if words in ([], ["-a"]):
            await proc.out(_description(terminal, everything=bool(words)))
        elif words == ["size"]:
            await proc.out("{} {}\n".format(*terminal.size))
        else:
            terminal.set_attributes(_changed(terminal, words))
    except Fail as error:
        await proc.err(f"stty: {error}\n")
        return 1
    return 0


def _description(terminal: PseudoTerminal, *, everything: bool) -> str:
    mode = terminal.attributes
    rows, columns = terminal.size
    size = f" rows {rows}; columns {columns};" if everything else ""
    characters = [
        f"{name} = {text or _visible(getattr(mode, name))};" for name, text in _CHARACTERS
    ]
    lines = [
        f"speed 38400 baud;{size} line = 0;",
        *_wrapped([*characters, "min = 1; time = 0;"], columns),
    ]
    for group in _USUAL:
        shown = []
        for usual in group.split():
            name = usual.lstrip("-")
            on = _is_on(mode, usual)
            sane = (usual == name) != (name in _INSANE)
            if everything or (on != sane and name not in _UNMINDED):
                shown.append(name if on else f"-{name}")
        lines += _wrapped(shown, columns)
    return "\n".join(lines) + "\n"


def _wrapped(words: list[str], columns: int) -> list[str]:
    held = [word.replace(" ", "\0") for word in words]
    lines = textwrap.wrap(
        " ".join(held), (columns or 80) - 1, break_long_words=False, break_on_hyphens=False
    )
    return [line.replace("\0", " ") for line in lines]


def _is_on(mode: Attributes, usual: str) -> bool:
    name = usual.lstrip("-")
    if name in _EFFECTIVE:
        return bool(getattr(mode, name))
    return (usual == name) != (name in mode.unusual)


def _visible(code: int) -> str:
    if code == 0:
        return "<undef>"
    return f"^{chr(code ^ 0x40)}" if code < 0x20 or code == 0x7F else chr(code)


def _changed(terminal: PseudoTerminal, words: list[str]) -> Attributes:
    """The terminal's settings after what ``words`` ask for.

    :raises Fail: a word that stty does not know.
    """
    mode = terminal.attributes
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, on = word.removeprefix("-"), not word.startswith("-")
        if word in ("rows", "cols", "columns", *dict(_CHARACTERS)) and not rest:
            raise Fail(f"option requires an argument -- '{word}'")
        if word in ("rows", "cols", "columns"):
            value = integer(rest.pop(0), low=0)
            rows, columns = terminal.size
            terminal.resize(*((value, columns) if word == "rows" else (rows, value)))
        elif word == "sane":
            mode = replace(Attributes(), unusual=frozenset(_INSANE))
        elif word in ("raw", "-cooked"):
            mode = replace(mode.raw(), icrnl=False, opost=False)
        elif word in ("cooked", "-raw"):
            mode = replace(mode, icanon=True, isig=True, icrnl=True, opost=True)
        elif name in _EFFECTIVE:
            mode = _with(mode, name, on)
        elif name in _FLAGS or f"-{name}" in _FLAGS:
            change = frozenset((name,))
            usual = on == (name in _FLAGS)
            mode = replace(mode, unusual=mode.unusual - change if usual else mode.unusual | change)
        elif word in dict(_CHARACTERS):
            code = _code(rest.pop(0))
            if dict(_CHARACTERS)[word] is None:
                mode = _with(mode, word, code)
        else:
            raise Fail(f"invalid {'argument' if word.startswith('-') else 'number'} '{word}'")
    return mode


def _with(mode: Attributes, name: str, value: Any) -> Attributes:
    return replace(mode, **{name: value})


def _code(text: str) -> int:
    if text in ("^-", "undef"):
        return 0
    if text == "^?":
        return 0x7F
    if len(text) == 2 and text[0] == "^":
        return ord(text[1]) & 0x1F
    return ord(text) if len(text) == 1 else integer(text, low=0)
