"""The ``:`` commands of ``vi``: what they do to the text, and what they say.

Its keys and its screen are seen at a terminal in ``tests/contract/test_terminal.py``.
"""

from __future__ import annotations

import pytest

from course_lib.engine.interfaces import ProcessSpec
from course_lib.engine.userland.applets.vi import Commands, File, Refused
from course_lib.engine.userland.files import MemoryFile, NullFile
from tests.engine.userland.conftest import Box

TEXT = "alpha\nbeta\ngamma"


@pytest.fixture
async def file(box: Box) -> File:
    (box.root / "root/note").write_text(f"{TEXT}\n")
    (box.root / "root/other").write_text("more\n")
    spec = ProcessSpec(("true",), ("PATH=/bin",), "/root")
    process = await box.machine.start(spec, NullFile(), MemoryFile(), MemoryFile())
    made = File(process, "note", read_only=False)
    assert await made.read() == TEXT
    assert made.message == "'note' 3L, 17C"
    return made


@pytest.mark.parametrize(
    ("line", "text", "row"),
    [
        ("2", TEXT, 1),
        ("$", TEXT, 2),
        ("%s/a/[&]/g", "[a]lph[a]\nbet[a]\ng[a]mm[a]", 2),
        ("2,$s#\\(.\\)a#\\1A#", "alpha\nbetA\ngAmma", 2),
        ("s/A/x/i", "xlpha\nbeta\ngamma", 0),
        (".,+1d", "gamma", 0),
        ("2d", "alpha\ngamma", 1),
        ("$r other", f"{TEXT}\nmore", 3),
        ("1r other", "alpha\nmore\nbeta\ngamma", 1),
        ("set noai ignorecase", TEXT, 0),
        ("w copy", TEXT, 0),
    ],
)
async def test_what_a_command_makes_of_the_text(file: File, line: str, text: str, row: int) -> None:
    assert await Commands(file).run(line, TEXT, 0) == (text, row, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nosuch", "'nosuch' is not implemented"),
        ("s/x/y/", "No match"),
        ("s/[/y/", "Bad search pattern '['"),
        ("s/a/\\9/", "Bad replacement"),
        ("!ls", "Programs are not run from here"),
        ("set nosuch", "bad option: nosuch"),
        ("set number", "bad option: number"),
        ("r nosuch", "'nosuch' [New file]"),
        ("w nosuch/file", "'nosuch/file' No such file or directory"),
        ("3,1d", "Invalid range"),
        ("q", "No write since last change (:q! overrides)"),
        ("e other", "No write since last change (:e! overrides)"),
    ],
)
async def test_what_a_command_refuses(file: File, line: str, said: str) -> None:
    with pytest.raises(Refused) as refused:
        await Commands(file).run(line, "now\nit\nchanged", 0)
    assert str(refused.value).startswith(said)


async def test_leaving(box: Box, file: File) -> None:
    commands = Commands(file)
    assert (await commands.run("q", TEXT, 0))[2]
    assert (await commands.run("q!", "changed", 0))[2]
    assert (await commands.run("wq", "changed", 0))[2]
    assert (box.root / "root/note").read_text() == "changed\n"
    assert (await commands.run("e other", "changed", 0)) == ("more", 0, False)
    assert (await commands.run("x", "less", 0))[2]
    assert (box.root / "root/other").read_text() == "less\n"


async def test_read_only_and_without_a_name(box: Box, file: File) -> None:
    file.read_only = True
    with pytest.raises(Refused, match="is read only"):
        await Commands(file).run("w", "changed", 0)
    assert await Commands(file).run("w!", "changed", 0) == ("changed", 0, False)
    file.name = ""
    with pytest.raises(Refused, match="No current filename"):
        await Commands(file).run("w", "changed", 0)


async def test_without_a_terminal(box: Box) -> None:
    assert (await box.run("vi", "/root/note"))[0] == 1
