"""``timeout``: BusyBox's, and that of the GNU coreutils, which tells apart what ended."""

from __future__ import annotations

from collections.abc import Callable

from course_lib.engine.userland import signals
from course_lib.engine.userland.applets import net_options as opt
from course_lib.engine.userland.applets.common import Fail, Options, duration, program, reason
from course_lib.engine.userland.process import ContainerProcess

_TRY = "Try 'timeout --help' for more information."
_LONG = {
    "signal=": "s", "kill-after=": "k", "foreground": "f", "preserve-status": "p", "verbose": "v",
    "version": "version", "help": "help",
}  # fmt: skip


async def _wait(
    proc: ContainerProcess,
    child: ContainerProcess,
    limit: float,
    signum: int,
    again: float | None,
    send: Callable[[int], None],
) -> int:
    """The exit code of a program that gets a signal after ``limit`` seconds (0: never).

    :param again: seconds after which it is killed then. :param send: delivers a signal.
    """

    async def watch() -> None:
        await proc.sleep(limit)
        send(signum)
        if again:
            await proc.sleep(again)
            send(signals.SIGKILL)

    if not limit:
        return await child.wait()
    watcher = proc.thread(watch)
    try:
        return await child.wait()
    finally:
        watcher.cancel()


@program(
    "s:k:",
    "[-s SIG] [-k KILL_SECS] SECS PROG ARGS",
    "Run PROG. Send SIG to it if it is not gone in SECS seconds",
    least=2,
    permute=False,
    long={"signal=": "s", "kill-after=": "k", "foreground": "f", "preserve-status": "p"},
)
async def timeout(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run a program for a limited time."""
    limit = duration(words[0])
    spec = options.get("s", "TERM")
    signum = signals.parse(spec)
    if signum is None:
        raise Fail(f"unknown signal '{spec}'")
    try:
        child = await proc.spawn(words[1:], fds=proc.fds)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        raise Fail(f"can't execute '{words[1]}': {reason(error)}", code) from None
    again = duration(options["k"]) if "k" in options else None
    sent: list[int] = []

    def send(number: int) -> None:
        sent.append(number)
        child.kill(number)

    status = await _wait(proc, child, limit, signum, again, send)
    if sent and child.killed_by:
        # BusyBox's timeout becomes the program itself, so the signal ends what was started.
        proc.killed_by = child.killed_by
        return 128 + child.killed_by
    return status


async def timeout_coreutils(proc: ContainerProcess) -> int:
    """GNU's ``timeout``: 124 for what it ended, 125 for its own faults."""
    try:
        options = opt.parse(proc.argv[1:], "s:k:vp", _LONG, permute=False)
        if "version" in options:
            await proc.out("timeout (GNU coreutils) 9.1\n")
            return 0
        if "help" in options:
            await proc.out("Usage: timeout [OPTION] DURATION COMMAND [ARG]...\n")
            return 0
        if len(options.words) < 2:
            await proc.err(f"{_TRY}\n")
            return 125
        limit = _interval(options.words[0])
        again = _interval(options["k"]) if "k" in options else None
        signum = signals.parse(options.get("s", "TERM"))
        if signum is None:
            raise opt.UsageError(f"'{options['s']}': invalid signal")
    except opt.UsageError as error:
        await proc.err(f"timeout: {error}\n{_TRY}\n")
        return 125
    words = options.words[1:]
    # It leads a group, to which its signals go: also to what the program has started.
    apart = "f" not in options and proc.pgid != proc.pid
    try:
        child = await proc.spawn(words, fds=proc.fds, new_group=apart)
    except OSError as error:
        await proc.err(f"timeout: failed to run command '{words[0]}': {reason(error)}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    sent: list[int] = []

    def send(number: int) -> None:
        sent.append(number)
        for process in list(proc.machine.table.values()):
            group = "f" not in options and process.pgid == child.pgid and process is not proc
            if process is child or group:
                process.kill(number)

    status = await _wait(proc, child, limit, signum, again, send)
    if "v" in options:
        for number in sent:
            name = signals.name_of(number)
            await proc.err(f"timeout: sending signal {name} to command '{words[0]}'\n")
    if sent and "p" not in options and child.killed_by != signals.SIGKILL:
        return 124
    if child.killed_by and (not sent or child.killed_by == signals.SIGKILL):
        proc.killed_by = child.killed_by  # it ends itself in the same way
    return 128 + child.killed_by if child.killed_by else status


def _interval(text: str) -> float:
    """Seconds of ``5``, ``0.5s``, ``1e-1``, ``2m``.

    :raises UsageError: it is none.
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        value = float(number) * unit
    except ValueError:
        value = -1
    if not value >= 0:  # neither negative nor NaN
        raise opt.UsageError(f"invalid time interval '{text}'")
    return value
