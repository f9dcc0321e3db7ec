"""Parts of a command that run as processes of their own: pipelines, subshells, ``&``."""

from __future__ import annotations

from collections.abc import Sequence

from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland import signals
from course_lib.engine.userland.pipe import pipe
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import foreground, interpreter, nodes, unparse
from course_lib.engine.userland.shell.nodes import Node
from course_lib.engine.userland.shell.shell import Shell


async def in_child(shell: Shell, twin: Shell, node: Node, *, errexit: bool = True) -> int:
    """The program of a process that was forked to run a command.

    :param twin: the shell in it.
    :param errexit: ``set -e`` of the shell holds in it too.
    """
    twin.options["errexit"] &= errexit
    redirects: tuple[nodes.Redirect, ...] = ()
    if isinstance(node, nodes.Subshell):  # this process is a subshell already
        redirects = node.redirects
        node = node.body
    if isinstance(node, nodes.Command) and node.words[:1] == ((nodes.Text("jobs"),),):
        twin.jobs = shell.jobs  # ``jobs | cat`` and ``$(jobs -p)`` list those of the shell itself
    return await interpreter.run_subshell(twin, node, redirects)


async def subshell(shell: Shell, node: nodes.Subshell) -> int:
    """``( list )``."""
    child = shell.fork(
        lambda twin: in_child(shell, twin, node),
        new_group=shell.options["monitor"],
        reset=shell.reset_signals(),
    )
    return await foreground.wait_foreground(shell, [child], node)


async def pipeline(shell: Shell, node: nodes.Pipeline) -> int:
    """``a | b | c``."""
    members = _start_pipeline(shell, node.commands)
    return await foreground.wait_foreground(shell, members, node)


def _start_pipeline(shell: Shell, commands: Sequence[Node]) -> list[ContainerProcess]:
    members: list[ContainerProcess] = []
    previous: OpenFile | None = None
    final = len(commands) - 1
    for number, command in enumerate(commands):
        fds = dict(shell.proc.fds)
        if previous is not None:
            fds[0] = previous
        following: OpenFile | None = None
        writer: OpenFile | None = None
        if number < final:
            following, writer = pipe()
            fds[1] = writer

        child = _fork(shell, command, fds, members)
        members.append(child)
        for end in (previous, writer):
            if end is not None:
                end.close()
        previous = following
    return members


def _fork(
    shell: Shell, command: Node, fds: dict[int, OpenFile], members: list[ContainerProcess]
) -> ContainerProcess:
    child = shell.fork(
        lambda twin: in_child(shell, twin, command),
        fds=fds,
        new_group=shell.options["monitor"],
        reset=shell.reset_signals(),
    )
    if shell.options["monitor"] and members:
        child.pgid = members[0].pid
    return child


async def background(shell: Shell, node: nodes.Background) -> int:
    """``command &``."""
    body = nodes.Redirected(node.body, node.redirects) if node.redirects else node.body
    fds = dict(shell.proc.fds)
    if not shell.options["monitor"]:
        from course_lib.engine.userland.files import NullFile

        fds[0] = NullFile()
    members = (
        _start_pipeline(shell, body.commands)
        if isinstance(body, nodes.Pipeline) and shell.options["monitor"]
        else [_fork(shell, body, fds, [])]
    )
    if not shell.options["monitor"]:
        for member in members:
            member.on_signal(signals.SIGINT, "ignore")
            member.on_signal(signals.SIGQUIT, "ignore")
    shell.last_background = members[-1].pid
    job = shell.jobs.add(members, unparse.text(node.body), controlled=shell.options["monitor"])
    if shell.interactive:
        await shell.proc.err(f"[{job.number}] {members[-1].pid}\n" if shell.bash else "")
    return 0
