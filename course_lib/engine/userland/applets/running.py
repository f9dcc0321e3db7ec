"""Programs that run other programs, and wait."""

from __future__ import annotations

import os
import re

from course_lib.engine.userland import signals
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    duration,
    integer,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess


@program("", "[N]...", "Pause for a time equal to the total of the args given", least=1)
async def sleep(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Wait for the sum of the given times."""
    if words == ["infinity"] or "inf" in words:
        total = 1e9
    else:
        total = sum(duration(word) for word in words)
    await proc.sleep(total)
    return 0


@program("", "N", "Pause for N microseconds", least=1)
async def usleep(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Wait for microseconds."""
    await proc.sleep(integer(words[0], low=0) / 1e6)
    return 0


@program(
    "iu:0C:",
    "[-iu0] [NAME=VALUE]... [PROG ARGS]",
    "Print current environment or run PROG after setting up environment",
    long={"ignore-environment": "i", "unset=": "u", "null": "0"},
    permute=False,
)
async def env(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the environment, or run a program in another one."""
    if words[:1] == ["-"]:
        options.add("i")
        words = words[1:]
    environment = {} if "i" in options else dict(proc.env)
    for name in options.all("u"):
        environment.pop(name, None)
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    if not words:
        end = "\0" if "0" in options else "\n"
        await proc.out("".join(f"{k}={v}{end}" for k, v in environment.items()))
        return 0
    return await become(proc, words, env=environment)


async def become(
    proc: ContainerProcess, words: list[str], env: dict[str, str] | None = None
) -> int:
    """Execute a program in place of this one.

    :raises Fail: with code 126 or 127.
    """
    try:
        return await proc.execute(words, env=env)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        raise Fail(f"can't execute '{words[0]}': {reason(error)}", code) from None


@program("", "[VARIABLE]...", "Print environment VARIABLEs")
async def printenv(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print variables of the environment."""
    if not words:
        await proc.out("".join(f"{k}={v}\n" for k, v in proc.env.items()))
        return 0
    status = 0
    for name in words:
        if name in proc.env:
            await proc.out(f"{proc.env[name]}\n")
        else:
            status = 1
    return status


@program("a", "[-a] COMMAND...", "Locate COMMAND", least=1)
async def which(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the files that commands are."""
    from course_lib.engine.userland import loader

    status = 0
    for name in words:
        found = False
        folders = proc.env.get("PATH", loader.DEFAULT_PATH).split(":")
        candidates = [name] if "/" in name else [f"{f or '.'}/{name}" for f in folders]
        for candidate in candidates:
            try:
                loader.check_executable(proc.fs, proc.path(candidate))
            except OSError:
                continue
            await proc.out(f"{candidate}\n")
            found = True
            if "a" not in options:
                break
        status = status or int(not found)
    return status


_TIMES = "real\t%E\nuser\t%u\nsys\t%T"


@program(
    "vpao:f:",
    "[-vpa] [-f FMT] [-o FILE] PROG ARGS",
    "Run PROG, display resource usage when it exits",
    least=1,
    permute=False,
)
async def time(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run a program and tell how long it took."""
    if "v" in options:
        raise Fail("-v is not available in the embedded engine")
    clock = proc.machine.clock
    started = clock.monotonic()
    child: ContainerProcess | None = None
    try:
        child = await proc.spawn(words, fds=proc.fds)
    except OSError as error:
        status = 127 if isinstance(error, FileNotFoundError) else 126
        await proc.err(f"time: can't execute '{words[0]}': {reason(error)}\n")
    else:
        status = await child.wait()
    real = clock.monotonic() - started
    user = child.cpu + child.children_cpu if child else 0.0
    template = "real %e\nuser %U\nsys %S" if "p" in options else options.get("f", _TIMES)
    values = {
        "C": " ".join(words), "E": _clock(real), "e": f"{real:.2f}", "S": "0.00", "T": _clock(0),
        "U": f"{user:.2f}", "u": _clock(user), "x": str(status), "%": "%",
    }  # fmt: skip

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise Fail(f"%{match[1]} is not available in the embedded engine")
        return values[match[1]]

    template = template.replace("\\n", "\n").replace("\\t", "\t")
    text = f"{re.sub('%(.)', value, template)}\n"
    if child is not None and child.killed_by:
        text = f"Command terminated by signal {child.killed_by}\n{text}"
    elif status:
        text = f"Command exited with non-zero status {status}\n{text}"
    await _tell(proc, options, text)
    return status


async def _tell(proc: ContainerProcess, options: Options, text: str) -> None:
    if "o" not in options:
        await proc.err(text)
        return
    how = os.O_APPEND if "a" in options else os.O_TRUNC
    path = options["o"]
    try:
        flags = os.O_WRONLY | os.O_CREAT | how
        file = proc.fs.open(proc.path(path), flags, 0o666 & ~proc.umask)
    except OSError as error:
        raise Fail(f"can't open '{path}': {reason(error)}") from None
    try:
        await file.write(text.encode("utf-8", "surrogateescape"))
    finally:
        file.close()


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}m {seconds % 60:.2f}s"


@program("n:t", "[-n SEC] [-t] PROG ARGS", "Run PROG periodically", least=1, permute=False)
async def watch(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run a command again and again on a clear screen."""
    from course_lib.engine.userland.applets.common import terminal_width
    from course_lib.engine.userland.applets.dates import format_date

    interval = duration(options.get("n", "2"))
    command = " ".join(words)
    while True:
        width = terminal_width(proc)
        head = "\x1b[H\x1b[J"
        if "t" not in options:
            now = format_date(proc.machine.clock.time_ns(), "%Y-%m-%d %H:%M:%S")
            title = f"Every {interval:.1f}s: {command}"
            head += title[: width - len(now) - 1].ljust(width - len(now)) + now + "\n\n"
        await proc.out(head)
        child = await proc.spawn(["sh", "-c", command])
        await child.wait()
        await proc.sleep(interval)


@program("", "PROG ARGS", "Run PROG immune to hangups", least=1, permute=False)
async def nohup(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program that ignores SIGHUP."""
    proc.on_signal(signals.SIGHUP, "ignore")
    if proc.stdout.isatty():
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        proc.fds.pop(1).close()
        proc.fds[1] = proc.fs.open(proc.path("nohup.out"), flags, 0o600)
        await proc.err("nohup: appending output to nohup.out\n")
    if proc.stderr.isatty():
        proc.fds.pop(2).close()
        proc.fds[2] = proc.fds[1].dup()
    return await become(proc, words)


@program("n:", "[-n ADJUST] [PROG ARGS]", "Change scheduling priority, run PROG", permute=False)
async def nice(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program; priorities make no difference here."""
    if not words:
        await proc.out("0\n")
        return 0
    return await become(proc, words)


@program("c", "[-c] PROG ARGS", "Run PROG in a new session", least=1, permute=False)
async def setsid(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Run a program in a session of its own."""
    if proc.pgid == proc.pid:
        child = await proc.spawn(words, fds=proc.fds, new_group=True)
        child.sid = child.pid
        child.terminal = None
        return 0
    proc.sid = proc.pgid = proc.pid
    proc.terminal = None
    return await become(proc, words)


@program(
    "",
    "NEWROOT [PROG ARGS]",
    "Run PROG with root directory set to NEWROOT",
    least=1,
    permute=False,
    long={"userspec=": "u"},
)
async def chroot(_proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Refused: a container of the embedded engine has one root directory."""
    raise Fail(f"can't change root directory to '{words[0]}': Operation not permitted")


async def docker_init(proc: ContainerProcess) -> int:
    """``docker run --init``: start the program, pass signals on, reap what has ended.

    Does what Docker's ``docker-init`` (tini) does as PID 1.
    """
    words = proc.argv[1:]
    while words and words[0].startswith("-"):
        if words.pop(0) == "--":
            break
    if not words:
        await proc.err("docker-init: no program to run\n")
        return 1
    try:
        child = await proc.spawn(words, fds=proc.fds)
    except OSError as error:
        await proc.err(f"[FATAL tini ({proc.pid})] exec {words[0]} failed: {reason(error)}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    if proc.terminal is not None:
        child.pgid = child.pid
        proc.terminal.foreground = child.pid
    for signum in signals.NAMES:
        if signum not in (signals.SIGKILL, signals.SIGSTOP, signals.SIGCHLD, 21, 22):
            proc.on_signal(signum, child.kill)

    def reap(_signum: int) -> None:
        for other in list(proc.children.values()):
            if other is not child and other.exit_code is not None:
                proc.machine.reap(other)

    proc.on_signal(signals.SIGCHLD, reap)
    return await child.wait()
