"""``bc`` and ``dc`` as programs: options, files, standard input line by line."""

from __future__ import annotations

from collections.abc import AsyncIterator

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    byte_lines,
    decode,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.bc.numbers import MathError
from course_lib.engine.userland.bc.parser import Node, ParseError, Parser
from course_lib.engine.userland.process import ContainerProcess


async def _text(proc: ContainerProcess, name: str) -> str:
    try:
        return decode(await read_file(proc, name))
    except OSError as error:
        raise Fail(f"can't open '{name}': {reason(error)}") from None


@program(
    "ilqsw",
    "[-sqlw] [FILE]...",
    "Arbitrary precision calculator",
    long={"interactive": "i", "mathlib": "l", "quiet": "q", "standard": "s", "warn": "w"},
)
async def bc(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Calculate, in a language like C."""
    from course_lib.engine.userland.bc.interpreter import Halt, Interpreter

    lines = aiter(_lines(proc))

    async def read() -> str:
        return await anext(lines, "")

    length = proc.env.get("BC_LINE_LENGTH", "")
    width = max(0, int(length) - 1) if length.isdigit() else 68
    run = Interpreter(proc.out, read, proc.tick, library="l" in options, width=width)
    try:
        for name in words:
            try:
                await run.run_all(Parser(await _text(proc, name)))
            except ParseError as error:
                raise Fail(str(error)) from None
        text = ""
        while line := await read():
            text += line
            statements: list[Node] = []
            fault = None
            try:
                statements.extend(Parser(text).statements())
            except ParseError as error:
                if error.incomplete and not _is_hopeless(text):
                    continue
                fault = error
            text = ""
            for node in statements:
                await run.run_one(node)
            if fault is not None:
                raise Fail(str(fault))
        if text:
            raise Fail("bad expression at ''")
    except MathError as error:
        raise Fail(str(error)) from None
    except Halt:
        return 0
    return 0


def _is_hopeless(text: str) -> bool:
    """Whether a line after this could not mend it: nothing is open."""
    return text.count("{") <= text.count("}") and "/*" not in text and text.count('"') % 2 == 0


async def _lines(proc: ContainerProcess) -> AsyncIterator[str]:
    async for line in byte_lines(proc, proc.stdin):
        yield decode(line)


@program("e:f:x", "[-x] [-eSCRIPT]... [-fFILE]... [FILE]...", "Tiny RPN calculator", permute=False)
async def dc(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Calculate on a stack."""
    from course_lib.engine.userland.bc.dc import Calculator, Quit

    run = Calculator(proc.out, proc.tick)
    programs = options.all("e")
    for name in [*options.all("f"), *words]:
        programs.append(await _text(proc, name))
    try:
        for text in programs:
            await run.run(text)
        if not programs:
            async for line in _lines(proc):
                await run.run(line)
    except Quit:
        return 0
    except MathError as error:
        raise Fail(str(error)) from None
    return 0
