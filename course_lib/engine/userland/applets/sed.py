"""``sed``: lines of files edited by a script."""

from __future__ import annotations

import re

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    decode,
    is_gnu,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.sed_editor import Editor
from course_lib.engine.userland.applets.sed_script import Command, Parser
from course_lib.engine.userland.files import MemoryFile
from course_lib.engine.userland.process import ContainerProcess


@program(
    "i:nrEe:f:",
    "[-i[SFX]] [-nrE] [-f FILE]... [-e CMD]... [FILE]...\nor: sed [-i[SFX]] [-nrE] CMD [FILE]...",
    long={
        "quiet": "n",
        "silent": "n",
        "regexp-extended": "E",
        "expression=": "e",
        "file=": "f",
        "in-place=": "i",
    },
    gnu="szu",
    gnu_long={"unbuffered": "u", "separate": "s", "null-data": "z"},
    name="sed",
)
async def _sed(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    pieces = []
    for letter, value in options.in_order():
        if letter == "e":
            pieces.append(value)
        elif letter == "f":
            try:
                pieces.append(decode(await read_file(proc, value)).removesuffix("\n"))
            except OSError as error:
                raise Fail(f"{value}: {reason(error)}") from None
    if not pieces:
        if not words:
            raise UsageError
        pieces, words = [words[0]], words[1:]
    text = "\n".join(pieces)
    quiet = "n" in options or text.startswith("#n\n")
    extended = "E" in options or "r" in options

    gnu = is_gnu(proc)

    def fresh() -> list[Command]:
        return Parser(text, extended=extended, gnu=gnu).parse()

    end = "\0" if "z" in options else "\n"
    if "i" not in options:
        status = 0
        for names in [[word] for word in words or ["-"]] if "s" in options else [words or ["-"]]:
            editor = Editor(proc, fresh(), quiet=quiet, gnu=gnu, output=proc.stdout, end=end)
            status |= await editor.run(names)
        return status
    if not words:
        raise UsageError
    status = 0
    for name in words:
        output = MemoryFile()
        editor = Editor(proc, fresh(), quiet=quiet, gnu=gnu, output=output, end=end)
        status |= await _in_place(proc, name, options["i"], editor, output)
    return status


async def _in_place(
    proc: ContainerProcess, name: str, suffix: str, editor: Editor, output: MemoryFile
) -> int:
    path = proc.path(name)
    try:
        found = proc.fs.stat(path)
        before = await read_file(proc, name)
    except OSError as error:
        await proc.err(f"sed: {name}: {reason(error)}\n")
        return 1
    status = await editor.run([name])
    if suffix:
        proc.fs.write_bytes(path + suffix, before, found.mode & 0o777)
    # As sed does: a new file takes the old one's name, so links to it keep the old content.
    temporary = f"{path}.sed{proc.pid}"
    try:
        proc.fs.write_bytes(temporary, output.content, found.mode & 0o777)
        proc.fs.rename(temporary, path)
    except OSError as error:
        await proc.err(f"sed: can't create temp file '{name}': {reason(error)}\n")
        return 4
    return status


async def sed(proc: ContainerProcess) -> int:
    """Edit lines by a script."""
    if proc.argv[1:] == ["--version"]:
        await proc.out("This is not GNU sed version 4.0\n")
        return 0
    # The suffix of -i is part of its word or not there at all, which getopt cannot say.
    words: list[str] = []
    for word in proc.argv[1:]:
        match = re.fullmatch(r"-([nrEsz]*)i(.*)", word)
        if match and words[-1:] not in (["-e"], ["-f"], ["--"]):
            words += [f"-{match[1]}"] if match[1] else []
            words += ["-i", match[2]]
        else:
            words.append(word)
    proc.argv[1:] = words
    return await _sed(proc)
