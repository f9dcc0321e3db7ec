"""Waiting for what runs in the foreground."""

from __future__ import annotations

from course_lib.engine.userland import signals
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.shell import unparse
from course_lib.engine.userland.shell.errors import Interrupted
from course_lib.engine.userland.shell.jobs import Job, describe
from course_lib.engine.userland.shell.nodes import Node
from course_lib.engine.userland.shell.shell import Shell


async def wait_foreground(shell: Shell, members: list[ContainerProcess], node: Node) -> int:
    """Wait for a foreground job: its status, with ``pipefail`` that of the last that failed."""
    return await wait_members(shell, members, node)


async def wait_members(shell: Shell, members: list[ContainerProcess], what: Node | str) -> int:
    """Wait for the processes of a foreground job."""
    terminal = shell.terminal if shell.options["monitor"] else None
    if terminal is not None:
        terminal.foreground = members[0].pgid
    try:
        statuses: list[int] = []
        for member in members:
            status = await member.wait_event()
            if status is None:
                text = what if isinstance(what, str) else unparse.text(what)
                job = shell.jobs.add(members, text, controlled=shell.options["monitor"])
                if shell.bash:  # ash tells of it at the next prompt
                    await shell.proc.err(f"\n[{job.number}]+  {'Stopped':<23} {job.text}\n")
                    job.told = job.state
                return 128 + signals.SIGTSTP
            statuses.append(status)
    finally:
        if terminal is not None:
            terminal.foreground = shell.proc.pgid
        shell.reap()
    shell.pipe_statuses = statuses
    ended = list(zip(members, statuses, strict=True))
    for member, status in ended[-1:] if shell.bash else ended:
        await tell_signal(shell, member, status)
    if shell.options["pipefail"]:
        return next((status for status in reversed(statuses) if status), 0)
    return statuses[-1]


async def tell_signal(shell: Shell, member: ContainerProcess, status: int) -> None:
    """What a shell prints of a command that a signal ended."""
    signum = status - 128
    if member.killed_by != signum:
        return
    if signum == signals.SIGINT:
        if shell.interactive and shell.traps.get(signum):
            shell.on_trap_signal(signum)  # as ash, which sends itself what its job died of
        elif shell.interactive:
            raise Interrupted
        return
    if signum != signals.SIGPIPE and not (shell.bash and shell.subshell):
        await shell.proc.err(f"{describe(status)}\n")


async def wait_job(shell: Shell, job: Job) -> int:
    """Wait for a job that is in the foreground again."""
    return await wait_members(shell, job.members, job.text)
