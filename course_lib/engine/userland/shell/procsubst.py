"""bash's process substitution: ``<(command)`` and ``>(command)``, by pipes in ``/dev/fd``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.process import ReplaceImage
from course_lib.engine.userland.shell import bashtext, pipelines
from course_lib.engine.userland.shell.nodes import Command, Node, Sequence, Text

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_HIGHEST = 63
"""bash counts down from there."""
_READ, _WRITE = (((Text(bashtext.PROCESS + kind),),) for kind in "rw")


def body_of(node: Node | None) -> tuple[Node, bool] | None:
    """The command of a process substitution and whether it is read from; None for others."""
    first = node.nodes[0] if isinstance(node, Sequence) else node
    if not isinstance(first, Command) or first.words not in (_READ, _WRITE):
        return None
    rest = Sequence(node.nodes[1:] if isinstance(node, Sequence) else ())
    return rest, first.words == _READ


def start(shell: Shell, body: Node, *, read: bool) -> str:
    """Run it beside the shell: the path at which its output or input is."""
    reader, writer = pipe()
    ours, theirs = (reader, writer) if read else (writer, reader)
    fds = {**shell.proc.fds, int(read): theirs}
    shell.fork(lambda twin: pipelines.in_child(shell, twin, body), fds=fds)
    theirs.close()
    number = next(n for n in range(_HIGHEST, 2, -1) if n not in shell.proc.fds)
    shell.proc.fds[number] = ours
    shell.substituted.append(number)
    return f"/dev/fd/{number}"


@contextmanager
def until_done(shell: Shell) -> Iterator[None]:
    """A command: the pipes of the substitutions in its words are closed when it has ended."""
    before = len(shell.substituted)
    try:
        yield
    except ReplaceImage:
        del shell.substituted[before:]  # the program that this process becomes has them
        raise
    finally:
        while len(shell.substituted) > before:
            file = shell.proc.fds.pop(shell.substituted.pop(), None)
            if file is not None:
                file.close()
