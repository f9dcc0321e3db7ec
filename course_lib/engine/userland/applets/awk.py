"""``awk``."""

from __future__ import annotations

from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    decode,
    program,
    read_file,
    reason,
)
from course_lib.engine.userland.applets.printing import unescape
from course_lib.engine.userland.awk.interpreter import Interpreter
from course_lib.engine.userland.awk.lexer import AwkError
from course_lib.engine.userland.awk.parser import parse
from course_lib.engine.userland.awk.values import Input
from course_lib.engine.userland.process import ContainerProcess


@program(
    "F:v:f:e:W:", "[OPTIONS] [AWK_PROGRAM] [FILE]...", "Scan files for patterns", permute=False
)
async def awk(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run an AWK program."""
    source = "\n".join(options.all("e"))
    for name in options.all("f"):
        try:
            source += "\n" + decode(await read_file(proc, name))
        except OSError as error:
            raise Fail(f"can't open '{name}': {reason(error)}") from None
    if not source:
        if not words:
            raise UsageError
        source, words = words[0], words[1:]
    try:
        run = Interpreter(proc, parse(source))
        if "F" in options:
            run.variables["FS"] = _text(options["F"])
        for assignment in options.all("v"):
            name, equals, value = assignment.partition("=")
            if not equals:
                raise UsageError
            run.variables[name] = Input(_text(value))
        return await run.run(words)
    except AwkError as error:
        raise Fail(str(error)) from None
    except RecursionError:
        raise Fail("expression nests too deep") from None


def _text(value: str) -> str:
    return decode(unescape(value, zero_prefix=False)[0])
