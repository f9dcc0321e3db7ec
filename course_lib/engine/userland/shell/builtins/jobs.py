"""Job control: ``jobs``, ``fg``, ``bg``, ``wait``, ``kill``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from course_lib.engine.userland import signals
from course_lib.engine.userland.shell import foreground, interpreter
from course_lib.engine.userland.shell.errors import ShellError
from course_lib.engine.userland.shell.jobs import Job

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell


async def jobs(shell: Shell, argv: list[str]) -> int:
    """List the jobs."""
    letters = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    for letter in letters:
        if letter not in "lp":
            raise ShellError(f"illegal option -{letter}", command="jobs")
    wanted = [_job(shell, word, "jobs") for word in argv[1:] if not word.startswith("-")]
    for job in wanted or shell.jobs.listed(newest_first=not shell.bash):
        if "p" in letters:
            await shell.proc.out(f"{job.leader}\n")
        else:
            await shell.proc.out(line(shell, job, with_pid="l" in letters))
        job.told = job.state
        if not shell.bash:
            await forget(shell)  # then the next one is the current one
    await forget(shell)
    return 0


def line(shell: Shell, job: Job, *, with_pid: bool = False) -> str:
    """A job as ``jobs`` shows it."""
    mark = "+" if job is shell.jobs.current() else "-" if job is shell.jobs.previous() else " "
    pid = f"{job.leader} " if with_pid else ""
    if shell.bash:
        state = job.state.replace("Done(", "Exit ").rstrip(")")
        going_on = " &" if state == "Running" else ""
        return f"[{job.number}]{mark}  {pid}{state:<23} {job.text}{going_on}\n"
    # Without job control ash does not keep what was typed.
    text = job.text if shell.options["monitor"] else ""
    return f"[{job.number}]{mark}  {pid}{job.state:<26} {text}\n"


async def stopped_jobs(shell: Shell) -> bool:
    """Whether the shell stays because of stopped jobs, of which it tells once."""
    stopped = any(job.stopped for job in shell.jobs.all)
    if not stopped or shell.warned:
        return False
    shell.warned = 2  # this one and the next
    words = "There are stopped jobs." if shell.bash else "You have stopped jobs."
    await shell.proc.err(f"{words}\n")
    return True


async def forget(shell: Shell) -> None:
    """Reap what has ended and been told."""
    for job in shell.jobs.all:
        if job.done and job.told == job.state:
            for member in job.members:
                await member.wait()
            shell.jobs.remove(job)


async def fg(shell: Shell, argv: list[str]) -> int:
    """Continue a job in the foreground."""
    job = _controlled(shell, argv[0], argv[1:])
    await shell.proc.out(f"{job.text}\n")
    shell.jobs.remove(job)
    terminal = shell.terminal if shell.options["monitor"] else None
    if terminal is not None:
        terminal.foreground = job.members[0].pgid
    for member in job.members:
        member.kill(signals.SIGCONT)
    return await foreground.wait_job(shell, job)


async def bg(shell: Shell, argv: list[str]) -> int:
    """Continue jobs in the background."""
    for words in [[spec] for spec in argv[1:]] or [[]]:
        job = _controlled(shell, argv[0], words)
        shown = f"+ {job.text} &" if shell.bash else f" {job.text}"
        await shell.proc.out(f"[{job.number}]{shown}\n")
        for member in job.members:
            member.kill(signals.SIGCONT)
    return 0


def _job(shell: Shell, spec: str, command: str) -> Job:
    job = shell.jobs.find(spec)
    if job is None:
        raise ShellError(_unknown(spec), command=command)
    return job


def _unknown(spec: str) -> str:
    return "No current job" if spec in ("%%", "%+", "%") else f"{spec}: no such job"


def _controlled(shell: Shell, command: str, words: list[str]) -> Job:
    """The job that ``fg`` or ``bg`` is about: the current one, or that of the first word.

    :raises ShellError: there is none, or no job control.
    """
    if shell.bash and not shell.options["monitor"]:
        raise ShellError("no job control", 1, command=command)
    job = _job(shell, words[0] if words else "%%", command)
    if not shell.options["monitor"]:
        name = words[0] if words else "(null)"
        raise ShellError(f"job {name} not created under job control", command=command)
    return job


async def wait(shell: Shell, argv: list[str]) -> int:
    """Wait for jobs; a signal with a trap ends the waiting with 128 + its number."""
    words = argv[1:]
    if words[:1] == ["-n"]:
        words = []
    if not words:
        for job in shell.jobs.all:
            if job.stopped:
                continue
            if not await _ended(shell, job):
                return await _interrupted(shell)
            job.waited = True
        return 0
    status = 0
    for word in words:
        found = shell.jobs.find(word)
        if found is None:
            if word.startswith("%") or not word.isdigit():
                named = word.startswith("%") or shell.bash
                message = _unknown(word) if named else f"Illegal number: {word}"
                raise ShellError(message, 2, command="wait")
            status = 127
            continue
        result = await _wait(shell, found)
        if result is None:
            return await _interrupted(shell)
        status = result
    return status


async def _ended(shell: Shell, job: Job) -> bool:
    """Wait for the end of a job; False if a signal came first."""
    if shell.pending or shell.interrupted:
        return False
    shell.waiting = True
    try:
        for member in job.members:
            await member.wait()
    except InterruptedError:
        return False
    finally:
        shell.waiting = False
    return True


async def _wait(shell: Shell, job: Job) -> int | None:
    """Wait for one job and forget it: its status, None if a signal came first."""
    known = job.done
    if not await _ended(shell, job):
        return None
    if not shell.interactive:  # else its end is told of at the next prompt
        shell.jobs.waited_for(job)
    if shell.bash or not known:  # ash tells of an end that it waited for, not of one that was
        await foreground.tell_signal(shell, job.members[-1], job.status)
    return job.status


async def _interrupted(shell: Shell) -> int:
    signum = shell.pending[0] if shell.pending else signals.SIGINT
    await interpreter.handle_signals(shell)
    return 128 + signum


async def kill(shell: Shell, argv: list[str]) -> int:
    """Send signals to processes and jobs."""
    from course_lib.engine.userland.applets import signalling

    def resolve(word: str) -> int | None:
        if not word.startswith("%"):
            return None
        job = shell.jobs.find(word)
        if job is None:
            raise ShellError(_unknown(word), 2, command="kill")
        return -job.leader if shell.options["monitor"] else job.members[-1].pid

    status = await signalling.kill_words(shell.proc, argv[1:], shell.arg0_name(), resolve)
    await asyncio.sleep(0)
    return status
