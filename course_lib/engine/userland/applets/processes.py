"""Programs that show and find processes."""

from __future__ import annotations

import re

from course_lib.engine.interfaces import ProcessInfo
from course_lib.engine.userland import signals
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    duration,
    integer,
    program,
    terminal_width,
)
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.procfs import TOTAL_KB

_COLUMNS: dict[str, tuple[str, int]] = {
    "pid": ("PID", 5), "ppid": ("PPID", 5), "pgid": ("PGID", 5), "sid": ("SID", 5),
    "user": ("USER", 8), "group": ("GROUP", 8), "comm": ("COMMAND", 16), "args": ("COMMAND", 256),
    "vsz": ("VSZ", 4), "rss": ("RSS", 4), "stat": ("STAT", 4), "time": ("TIME", 5),
    "etime": ("ELAPSED", 7), "tty": ("TT", 6), "nice": ("NI", 5), "state": ("STAT", 4),
}  # fmt: skip
_ALIASES = {"command": "args", "cmd": "args", "ucmd": "comm", "ruser": "user"}


@program("o:TwlaexfuAZ", "[-o COL1,COL2=HEADER] [-T]", "Show list of processes")
async def ps(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """List processes."""
    columns = [("pid", "PID"), ("user", "USER"), ("time", "TIME"), ("args", "COMMAND")]
    if "l" in options or "l" in "".join(words):
        columns = [("stat", "S"), ("user", "UID"), ("pid", "PID"), ("ppid", "PPID"),
                   ("vsz", "VSZ"), ("rss", "RSS"), ("tty", "TTY"), ("time", "TIME"),
                   ("args", "CMD")]  # fmt: skip
    if "o" in options:
        columns = _chosen(options.all("o"))
    heading = []
    for name, title in columns[:-1]:
        heading.append(title.ljust(max(_COLUMNS[name][1], len(title))))
    heading.append(columns[-1][1])
    lines = [" ".join(heading)]
    for info in proc.machine.processes():
        cells = []
        for name, title in columns[:-1]:
            width = max(_COLUMNS[name][1], len(title))
            value = _value(proc, info, name)
            numeric = name in ("pid", "ppid", "pgid", "sid", "vsz", "rss")
            cells.append(value.rjust(width) if numeric else value[:width].ljust(width))
        cells.append(_value(proc, info, columns[-1][0]))
        lines.append(" ".join(cells))
    width = terminal_width(proc) if proc.stdout.isatty() and "w" not in options else 1 << 16
    await proc.out("".join(line[:width] + "\n" for line in lines))
    return 0


def _chosen(values: list[str]) -> list[tuple[str, str]]:
    columns = []
    for value in values:
        for item in value.split(","):
            name, equals, title = item.partition("=")
            name = _ALIASES.get(name, name)
            if name not in _COLUMNS:
                raise Fail(f"bad -o argument '{item}', supported arguments: {','.join(_COLUMNS)}")
            columns.append((name, title if equals else _COLUMNS[name][0]))
    return columns


def _value(proc: ContainerProcess, info: ProcessInfo, name: str) -> str:
    process = proc.machine.table.get(info.pid)
    match name:
        case "pid":
            return str(info.pid)
        case "ppid":
            return str(info.ppid)
        case "pgid":
            return str(process.pgid if process else info.pid)
        case "sid":
            return str(process.sid if process else info.pid)
        case "user":
            return info.user
        case "group":
            from course_lib.engine.userland import users

            return users.group_name(proc.machine.fs, process.gid if process else 0)
        case "comm":
            return process.comm if process else ""
        case "args":
            return command_line(info, process)
        case "stat" | "state":
            return info.state
        case "time":
            seconds = int(info.cpu)
            return f"{seconds // 60:2d}:{seconds % 60:02d}"
        case "etime":
            seconds = int(proc.machine.clock.monotonic() - info.started)
            return f"{seconds // 60:2d}:{seconds % 60:02d}"
        case "tty":
            return "?" if info.tty == "?" else "136,0"
        case "vsz" | "rss":
            return "1024"
        case _:
            return "0"


def command_line(info: ProcessInfo, process: ContainerProcess | None) -> str:
    """The command as ``ps`` shows it; in brackets what is only a zombie."""
    comm = process.comm if process else ""
    if info.state == "Z" or not info.argv:
        return f"[{comm}]"
    text = " ".join(word.replace("\n", "?") for word in info.argv)
    base = info.argv[0].rsplit("/", 1)[-1].removeprefix("-")
    return text if not comm or base.startswith(comm) else f"{{{comm}}} {text}"


def matching(
    proc: ContainerProcess, expression: re.Pattern[str], *, full: bool, exact: bool
) -> list[ContainerProcess]:
    """Processes whose name or whole command matches, without the one that asks."""
    found = []
    for pid in sorted(proc.machine.table):
        process = proc.machine.table[pid]
        if process is proc or process.exit_code is not None:
            continue
        text = " ".join(process.argv) if full else process.comm
        if expression.fullmatch(text) if exact else expression.search(text):
            found.append(process)
    return found


_PGREP = "flnovxs:P:u:"


async def _pick(
    proc: ContainerProcess, options: Options, words: list[str]
) -> list[ContainerProcess]:
    if len(words) > 1 or (not words and "P" not in options and "u" not in options):
        raise UsageError
    from course_lib.engine.userland import regex

    try:
        expression = regex.extended(words[0] if words else "")
    except regex.RegexError as error:
        raise Fail(f"bad regex '{words[0]}': {error}") from None
    found = matching(proc, expression, full="f" in options, exact="x" in options)
    if "v" in options:
        table = [p for _, p in sorted(proc.machine.table.items())]
        found = [p for p in table if p not in found and p is not proc]
    if "P" in options:
        found = [p for p in found if p.ppid == integer(options["P"])]
    if "n" in options:
        found = found[-1:]
    if "o" in options:
        found = found[:1]
    return found


@program(_PGREP, "[-flnovx] [-s SID|-P PPID|PATTERN]", "Display process(es) selected by regex")
async def pgrep(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Find processes by name."""
    found = await _pick(proc, options, words)
    for process in found:
        text = f" {process.comm}" if "l" in options else ""
        await proc.out(f"{process.pid}{text}\n")
    return int(not found)


async def pkill(proc: ContainerProcess) -> int:
    """Signal processes by name."""
    signum = signals.SIGTERM
    for position, word in enumerate(proc.argv[1:], 1):
        number = signals.parse(word[1:]) if word.startswith("-") and len(word) > 1 else None
        if number is not None:
            signum = number
            del proc.argv[position]
            break

    @program(
        _PGREP,
        "[-l|-SIGNAL] [-xfvno] [-s SID|-P PPID|PATTERN]",
        "Send signal to processes selected by regex",
        name="pkill",
    )
    async def run(proc: ContainerProcess, options: Options, words: list[str]) -> int:
        found = await _pick(proc, options, words)
        for process in found:
            proc.machine.kill(proc, process.pid, signum)
        return int(not found)

    return await run(proc)


@program("so:", "[-s] [-o PID] NAME...", "List PIDs of all processes with names that match NAMEs")
async def pidof(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the PIDs of programs."""
    omit = {integer(v) if v != "%PPID" else proc.ppid for v in options.all("o")}
    pids: list[str] = []
    for name in words:
        base = name.rsplit("/", 1)[-1]
        for pid in sorted(proc.machine.table, reverse=True):
            process = proc.machine.table[pid]
            if pid in omit or process is proc or process.exit_code is not None:
                continue
            program_name = process.argv[0].rsplit("/", 1)[-1] if process.argv else ""
            if base in (process.comm, program_name):
                pids.append(str(pid))
    if "s" in options:
        pids = pids[:1]
    if pids:
        await proc.out(" ".join(pids) + "\n")
    return int(not pids)


async def killall(proc: ContainerProcess) -> int:
    """Signal processes by their exact name."""
    words = proc.argv[1:]
    if words[:1] == ["-l"]:
        from course_lib.engine.userland.applets.signalling import kill

        return await kill(proc)
    signum = signals.SIGTERM
    quiet = False
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "-q":
            quiet = True
            continue
        spec = words.pop(0) if word == "-s" and words else word[1:]
        number = signals.parse(spec)
        if number is None:
            await proc.err(f"killall: bad signal name '{spec}'\n")
            return 1
        signum = number
    if not words:
        await proc.err("killall: you need to specify whom to kill\n")
        return 1
    status = 0
    for name in words:
        expression = re.compile(re.escape(name[:15]))
        found = matching(proc, expression, full=False, exact=True)
        if not found and not quiet:
            await proc.err(f"killall: {name}: no process killed\n")
        status = status or int(not found)
        for process in found:
            proc.machine.kill(proc, process.pid, signum)
    return status


@program(
    "bHmn:d:", "[-bmH] [-n COUNT] [-d SECONDS]", "Show a view of process activity in real time"
)
async def top(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Show processes again and again; ``q`` ends it at a terminal."""
    from course_lib.engine.userland.tty import terminal_of

    count = integer(options["n"], low=1) if "n" in options else 0
    interval = duration(options.get("d", "5"))
    terminal = terminal_of(proc.stdin) if "b" not in options else None
    before = terminal.attributes if terminal else None
    if terminal is not None:
        terminal.set_attributes(terminal.attributes.raw())
    done = 0
    try:
        while True:
            await proc.out(_top_screen(proc, clear=terminal is not None))
            done += 1
            if count and done >= count:
                return 0
            if terminal is None:
                await proc.sleep(interval)
            elif await _quit_key(proc, interval):
                await proc.out("\n")
                return 0
    finally:
        if terminal is not None and before is not None:
            terminal.set_attributes(before)


async def _quit_key(proc: ContainerProcess, interval: float) -> bool:
    """Wait for the next screen; true if a key asks to end."""
    from course_lib.engine.userland.waiting import within

    try:
        key = await within(proc, interval, lambda: _key(proc))
    except TimeoutError:
        return False
    return key in (b"q", b"Q", b"\x03", b"")


async def _key(proc: ContainerProcess) -> bytes:
    return await proc.stdin.read(1)


def _top_screen(proc: ContainerProcess, *, clear: bool) -> str:
    machine = proc.machine
    used = 4096 * len(machine.table)
    up = max(machine.clock.monotonic() - machine.booted, 0.001)
    lines = [
        f"Mem: {used}K used, {TOTAL_KB - used}K free, 0K shrd, 0K buff, 0K cached",
        "CPU:   0% usr   0% sys   0% nic 100% idle   0% io   0% irq   0% sirq",
        f"Load average: 0.00 0.00 0.00 1/{len(machine.table)} {max(machine.table)}",
        "\x1b[7m  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\x1b[m"
        if clear
        else "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND",
    ]
    for info in sorted(machine.processes(), key=lambda row: (-row.cpu, row.pid)):
        share = min(100, round(100 * info.cpu / up))
        command = command_line(info, machine.table.get(info.pid))
        lines.append(
            f"{info.pid:>5} {info.ppid:>5} {info.user[:8]:<8} {info.state:<4} {1024:>5}   0%   0 "
            f"{share:>3}% {command}"
        )
    width = terminal_width(proc)
    text = "\n".join(line if "\x1b" in line else line[:width] for line in lines)
    return ("\x1b[H\x1b[J" if clear else "") + text + "\n"
