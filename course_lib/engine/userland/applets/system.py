"""Programs about the system, the user and time."""

from __future__ import annotations

import os

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import signals, users
from course_lib.engine.userland.applets.common import (
    Fail,
    Options,
    UsageError,
    duration,
    human,
    integer,
    program,
    reason,
)
from course_lib.engine.userland.process import ContainerProcess
from course_lib.engine.userland.procfs import KERNEL, TOTAL_KB


async def true(_proc: Process) -> int:
    """Succeed."""
    return 0


async def false(_proc: Process) -> int:
    """Fail."""
    return 1


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


MACHINE = "x86_64"


@program(
    "amnprsvio",
    "[-amnrspvio]",
    "Print system information",
    long={
        "all": "a",
        "machine": "m",
        "nodename": "n",
        "processor": "p",
        "kernel-release": "r",
        "kernel-name": "s",
        "kernel-version": "v",
    },
)
async def uname(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print the names of kernel and machine."""
    if words:
        raise UsageError
    values = {
        "s": "Linux", "n": proc.machine.hostname, "r": KERNEL, "v": "#1 SMP embedded engine",
        "m": MACHINE, "p": "unknown", "i": "unknown", "o": "Linux",
    }  # fmt: skip
    chosen = [letter for letter in values if letter in options]
    if "a" in options:
        chosen = ["s", "n", "r", "v", "m", "o"]
    await proc.out(" ".join(values[letter] for letter in chosen or ["s"]) + "\n")
    return 0


@program("", "", "Print system architecture")
async def arch(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the machine's type."""
    await proc.out(f"{MACHINE}\n")
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


@program(
    "ugGnr",
    "[-ugGnr] [USER]",
    "Print information about USER or the current user",
    long={"user": "u", "group": "g", "groups": "G", "name": "n", "real": "r"},
    most=1,
    name="id",
)
async def id_(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Print user and group ids."""
    fs = proc.machine.fs
    if words:
        user = users.user_by_name(fs, words[0])
        if user is None and words[0].isdigit():
            user = users.user_by_id(fs, int(words[0]))
        if user is None:
            raise Fail(f"unknown user {words[0]}")
        uid, gid = user.uid, user.gid
        extra = [g.gid for g in users.groups(fs) if user.name in g.members]
    else:
        uid, gid, extra = proc.uid, proc.gid, list(proc.groups)
    everything = [gid, *[g for g in extra if g != gid]]
    named = "n" in options
    if "u" in options:
        await proc.out(f"{users.user_name(fs, uid) if named else uid}\n")
    elif "g" in options:
        await proc.out(f"{users.group_name(fs, gid) if named else gid}\n")
    elif "G" in options:
        shown = [users.group_name(fs, g) if named else str(g) for g in everything]
        await proc.out(" ".join(shown) + "\n")
    else:
        user_entry, group_entry = users.user_by_id(fs, uid), users.group_by_id(fs, gid)
        text = f"uid={uid}{_in_brackets(user_entry)} gid={gid}{_in_brackets(group_entry)}"
        # Docker makes the primary group a supplementary one too, so there is always a list.
        shown = [f"{g}{_in_brackets(users.group_by_id(fs, g))}" for g in everything]
        await proc.out(f"{text} groups={','.join(shown)}\n")
    return 0


def _in_brackets(entry: users.User | users.Group | None) -> str:
    return f"({entry.name})" if entry else ""


@program("", "", "Print the user name associated with the current effective user id", most=0)
async def whoami(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print the user's name."""
    user = users.user_by_id(proc.machine.fs, proc.uid)
    if user is None:
        raise Fail(f"unknown uid {proc.uid}")
    await proc.out(f"{user.name}\n")
    return 0


@program("", "", "Print the name of the current user", most=0)
async def logname(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nobody logs in to a container."""
    raise Fail("getlogin: No such device or address")


@program("", "[USER]", "Print the groups USER is in", most=1)
async def groups(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print the names of a user's groups."""
    fs = proc.machine.fs
    ids = [proc.gid, *[g for g in proc.groups if g != proc.gid]]
    if words:
        user = users.user_by_name(fs, words[0])
        if user is None:
            raise Fail(f"unknown user {words[0]}")
        ids = [user.gid, *[g.gid for g in users.groups(fs) if words[0] in g.members]]
    status = 0
    for gid in dict.fromkeys(ids):
        if users.group_by_id(fs, gid) is None:
            await proc.err(f"groups: unknown ID {gid}\n")
            status = 1
    await proc.out(" ".join(users.group_name(fs, gid) for gid in dict.fromkeys(ids)) + "\n")
    return status


@program("", "", "Display the time since the last boot")
async def uptime(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print how long the container has been up."""
    from course_lib.engine.userland.applets.dates import format_date

    machine = proc.machine
    up = int(machine.clock.monotonic() - machine.booted) // 60
    days, rest = divmod(up, 1440)
    text = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    text += f"{rest // 60:2d}:{rest % 60:02d}" if rest >= 60 else f"{rest} min"
    now = format_date(machine.clock.time_ns(), "%H:%M:%S")
    await proc.out(f" {now} up {text},  0 users,  load average: 0.00, 0.00, 0.00\n")
    return 0


@program("bkmgh", "[-bkmgh]", "Display free and used memory")
async def free(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Print how much memory there is."""
    used = 4096 * len(proc.machine.table)
    unit = {"b": 1 / 1024, "m": 1024, "g": 1 << 20}.get(
        next((c for c in "bmg" if c in options), ""), 1
    )

    def shown(kilobytes: int) -> str:
        return human(kilobytes * 1024) if "h" in options else str(int(kilobytes / unit))

    rows = [("Mem:", TOTAL_KB, used), ("Swap:", 0, 0)]
    heading = ["total", "used", "free", "shared", "buff/cache", "available"]
    await proc.out(" " * 6 + "".join(f"{name:>12}" for name in heading)[2:].rjust(70) + "\n")
    for name, total, taken in rows:
        cells = [total, taken, total - taken]
        if name == "Mem:":
            cells += [0, 0, total - taken]
        await proc.out(f"{name:<8}" + " ".join(f"{shown(cell):>11}" for cell in cells) + "\n")
    return 0


@program("", "", "Print number of available CPUs", long={"all": "a", "ignore=": "i"})
async def nproc(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Print the number of processors."""
    count = (os.cpu_count() or 1) - int(options.get("i", "0"))
    await proc.out(f"{max(1, count)}\n")
    return 0


@program("aH", "[-a]", "Show who is logged on")
async def who(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Nobody is logged in to a container."""
    return 0


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


@program(
    "vpao:f:",
    "[-vp] PROG ARGS",
    "Run PROG, display resource usage when it exits",
    least=1,
    permute=False,
)
async def time(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Run a program and tell how long it took."""
    clock = proc.machine.clock
    started = clock.monotonic()
    try:
        child = await proc.spawn(words, fds=proc.fds)
    except OSError as error:
        code = 127 if isinstance(error, FileNotFoundError) else 126
        raise Fail(f"can't execute '{words[0]}': {reason(error)}", code) from None
    status = await child.wait()
    real, user = clock.monotonic() - started, child.cpu
    if "p" in options:
        await proc.err(f"real {real:.2f}\nuser {user:.2f}\nsys 0.00\n")
    else:
        await proc.err(f"real\t{_clock(real)}\nuser\t{_clock(user)}\nsys\t{_clock(0)}\n")
    return status


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}m {seconds % 60:.2f}s"


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
    if limit == 0:
        return await child.wait()

    async def watch() -> None:
        await proc.sleep(limit)
        child.kill(signum)
        if "k" in options:
            await proc.sleep(duration(options["k"]))
            child.kill(signals.SIGKILL)

    watcher = proc.thread(watch)
    status = await child.wait()
    expired = watcher.done() or child.killed_by == signum
    watcher.cancel()
    if expired and child.killed_by:
        # BusyBox's timeout becomes the program itself, so the signal ends what was started.
        proc.killed_by = child.killed_by
        return 128 + child.killed_by
    return status


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


@program("", "", "Clear screen", most=0)
async def clear(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Clear the terminal."""
    await proc.out("\x1b[H\x1b[J")
    return 0


@program("", "", "Reset terminal (ESC codes)")
async def reset(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Bring the terminal back to its usual state."""
    from course_lib.engine.userland.tty import Attributes, terminal_of

    terminal = terminal_of(proc.stdout)
    if terminal is not None:
        terminal.set_attributes(Attributes())
        await proc.out("\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h")
    return 0


@program("s", "", "Print file name of stdin's terminal", long={"silent": "s", "quiet": "s"})
async def tty(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Say which terminal standard input is."""
    terminal = proc.stdin.isatty()
    if "s" not in options:
        await proc.out("/dev/pts/0\n" if terminal else "not a tty\n")
    return int(not terminal)


@program(
    "aF:g",
    "[-a|g] [-F DEVICE] [SETTING]...",
    "Without arguments, prints baud rate, line discipline, and deviations from stty sane",
    permute=False,
)
async def stty(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show or change the settings of the terminal."""
    from dataclasses import replace

    from course_lib.engine.userland.tty import Attributes, terminal_of

    terminal = terminal_of(proc.stdin)
    if terminal is None:
        raise Fail("standard input: Not a tty")
    mode = terminal.attributes
    rows, columns = terminal.size
    if not words:
        flags = {"icanon": mode.icanon, "echo": mode.echo, "isig": mode.isig, "icrnl": mode.icrnl,
                 "opost": mode.opost}  # fmt: skip
        size_text = f" rows {rows}; columns {columns};" if "a" in options else ""
        await proc.out(f"speed 38400 baud;{size_text} line = 0;\n")
        shown = [n if on else f"-{n}" for n, on in flags.items() if "a" in options or not on]
        if shown:
            await proc.out(" ".join(shown) + "\n")
        return 0
    words = list(words)
    while words:
        word = words.pop(0)
        name, on = word.removeprefix("-"), not word.startswith("-")
        if word == "size":
            await proc.out(f"{rows} {columns}\n")
        elif word in ("rows", "cols", "columns") and words:
            value = integer(words.pop(0), low=0)
            size = terminal.size
            terminal.resize(*((value, size[1]) if word == "rows" else (size[0], value)))
        elif word == "sane" or word in ("cooked", "-raw"):
            mode = Attributes()
        elif word == "raw":
            mode = replace(mode.raw(), opost=False)
        elif name in ("icanon", "echo", "isig", "icrnl", "opost"):
            mode = replace(mode, **{name: on})
        elif name in ("echoe", "echok", "echoctl", "iexten", "ixon", "onlcr", "echoke", "icrnl"):
            continue
        else:
            raise Fail(f"invalid argument '{word}'")
    terminal.set_attributes(mode)
    return 0


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
    "lmpc:s:",
    "[-lmp] [-s SH] [-] [USER [FILE ARGS]]",
    "Run shell under USER (by default, root)",
)
async def su(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Become another user; only root may, as images here have no setuid programs."""
    login = "l" in options
    if words[:1] == ["-"]:
        login, words = True, words[1:]
    name = words[0] if words else "root"
    user = users.user_by_name(proc.machine.fs, name)
    if user is None:
        raise Fail(f"unknown user {name}")
    if proc.uid != 0:
        raise Fail("must be suid to work properly")
    environment = dict(proc.env)
    if login:
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        if "TERM" in proc.env:
            environment["TERM"] = proc.env["TERM"]
    if "m" not in options and "p" not in options:
        environment.update(HOME=user.home, SHELL=user.shell, USER=user.name, LOGNAME=user.name)
    shell = options.get("s", user.shell or "/bin/sh")
    arguments = ["-" + shell.rsplit("/", 1)[-1] if login else shell]
    if "c" in options:
        arguments += ["-c", options["c"]]
    fs = proc.machine.fs
    proc.uid, proc.gid = user.uid, user.gid
    proc.groups = tuple(g.gid for g in users.groups(fs) if user.name in g.members)
    if login:
        proc.cwd = user.home
    try:
        await proc.execute([*arguments, *words[1:]], env=environment, path=shell)
    except OSError as error:
        raise Fail(f"can't execute '{shell}': {reason(error)}", 127) from None


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


@program("enNwpqaA", "[-enqw] [VAR=VALUE]...|[-p [FILE]]", "Configure kernel parameters at runtime")
async def sysctl(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Show kernel parameters; they cannot be changed from a container."""
    status = 0
    if "a" in options or "A" in options:
        words = [key.replace("/", ".") for key in _sysctl_keys(proc, "/proc/sys")]
    for word in words:
        key, equals, _ = word.partition("=")
        path = "/proc/sys/" + key.replace(".", "/")
        try:
            value = proc.fs.read_bytes(path).decode().rstrip("\n")
        except OSError as error:
            await proc.err(f"sysctl: error reading key '{key}': {reason(error)}\n")
            status = 1
            continue
        if equals:
            await proc.err(f"sysctl: error setting key '{key}': Read-only file system\n")
            status = 1
        elif "n" in options:
            await proc.out(f"{value}\n")
        else:
            await proc.out(f"{key}\n" if "N" in options else f"{key} = {value}\n")
    return status


def _sysctl_keys(proc: ContainerProcess, folder: str) -> list[str]:
    import stat

    found = []
    for name in sorted(proc.fs.listdir(folder)):
        path = f"{folder}/{name}"
        if stat.S_ISDIR(proc.fs.stat(path).mode):
            found += _sysctl_keys(proc, path)
        else:
            found.append(path.removeprefix("/proc/sys/"))
    return found


@program("cn:rs:", "[-cr] [-n LEVEL] [-s SIZE]", "Print or control the kernel ring buffer")
async def dmesg(_proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Refused, as in an unprivileged container."""
    raise Fail("klogctl: Operation not permitted")


@program("", "", "Print out a unique 32-bit identifier for the machine")
async def hostid(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """Print a number for this machine."""
    await proc.out(f"{int(proc.machine.container_id[:8], 16):08x}\n")
    return 0


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
