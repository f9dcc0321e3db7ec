"""Programs that tell what processes have open and how they descend from each other."""

from __future__ import annotations

from course_lib.engine.userland import signals
from course_lib.engine.userland.applets.common import Fail, Options, program
from course_lib.engine.userland.process import ContainerProcess


def _open_files(proc: ContainerProcess, pid: int) -> list[tuple[str, str]]:
    """Names of what a process has open: descriptor, then what it leads to."""
    folder = f"/proc/{pid}/fd"
    found = []
    try:
        for number in sorted(proc.fs.listdir(folder), key=int):
            found.append((number, proc.fs.readlink(f"{folder}/{number}")))
    except OSError:
        pass  # it has ended meanwhile
    return found


@program("", "", "Show all open files")
async def lsof(proc: ContainerProcess, _options: Options, _words: list[str]) -> int:
    """List the open files of all processes."""
    for info in proc.machine.processes():
        if info.pid == proc.pid:
            continue
        process = proc.machine.table.get(info.pid)
        for number, target in _open_files(proc, info.pid):
            await proc.out(f"{info.pid}\t{process.exe if process else ''}\t{number}\t{target}\n")
    return 0


@program("", "PID...", "Show current directory for PIDs", least=1)
async def pwdx(proc: ContainerProcess, _options: Options, words: list[str]) -> int:
    """Print the working directories of processes."""
    for word in words:
        pid = word.removeprefix("/proc/")
        if not pid.isdigit():
            raise Fail(f"invalid process id: '{pid}'")
        process = proc.machine.table.get(int(pid))
        await proc.out(f"{word}: {process.cwd if process else 'No such process'}\n")
    return 0


async def fuser(proc: ContainerProcess) -> int:
    """Print the processes that use files, or end them."""
    letters, signum, words = "", signals.SIGKILL, []
    for word in proc.argv[1:]:
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif not word[1:].strip("mks46"):
            letters += word[1:]
        elif (number := signals.parse(word[1:])) is not None:
            signum = number
        else:
            await proc.err(f"fuser: bad signal name '{word[1:]}'\n")
            return 1
    if any("/" in word and word.rpartition("/")[2] in ("tcp", "udp") for word in words):
        await proc.err("fuser: ports are not supported by the embedded engine\n")
        return 1
    wanted = set()
    for word in words:
        try:
            wanted.add(proc.fs.realpath(proc.path(word)))
        except OSError as error:
            await proc.err(f"fuser: {word}: {error.strerror}\n")
            return 1
    found = [info.pid for info in proc.machine.processes() if info.pid != proc.pid
             and _uses(proc, info.pid, wanted)]  # fmt: skip
    if "k" in letters:
        for pid in found:
            proc.machine.kill(proc, pid, signum)
    elif found and "s" not in letters:
        await proc.out(" ".join(map(str, found)) + "\n")
    return 0 if found else 1


def _uses(proc: ContainerProcess, pid: int, wanted: set[str]) -> bool:
    process = proc.machine.table.get(pid)
    paths = {target for _, target in _open_files(proc, pid)}
    if process is not None:
        paths |= {process.cwd, process.exe}
    return bool(paths & wanted)


@program("p", "[-p] [PID|USER]", "Display process tree, optionally start from USER or PID", most=1)
async def pstree(proc: ContainerProcess, options: Options, words: list[str]) -> int:
    """Draw the processes as a tree."""
    machine = proc.machine
    children: dict[int, list[int]] = {}
    for info in machine.processes():
        children.setdefault(info.ppid, []).append(info.pid)
    if words and words[0].isdigit():
        roots = [int(words[0])] if int(words[0]) in machine.table else []
    elif words:
        theirs = {info.pid: info.ppid for info in machine.processes() if info.user == words[0]}
        roots = [pid for pid, parent in theirs.items() if parent not in theirs]
    else:
        roots = [pid for pid in children.get(0, []) if pid in machine.table]
    tree = _Tree(proc, children, with_pids="p" in options)
    for root in roots:
        await proc.out("\n".join(tree.lines(root)) + "\n")
    return 0


class _Tree:
    def __init__(
        self, proc: ContainerProcess, children: dict[int, list[int]], *, with_pids: bool
    ) -> None:
        self._proc = proc
        self._children = children
        self._with_pids = with_pids

    def lines(self, pid: int) -> list[str]:
        """The tree below a process; equal ones without children are counted together."""
        process = self._proc.machine.table.get(pid)
        label = process.comm if process else ""
        if self._with_pids:
            label += f"({pid})"
        blocks = [self.lines(child) for child in sorted(self._children.get(pid, []))]
        blocks.sort(key=lambda block: block[0])
        grouped: list[tuple[int, list[str]]] = []
        for block in blocks:
            if grouped and grouped[-1][1] == block:
                grouped[-1] = (grouped[-1][0] + 1, block)
            else:
                grouped.append((1, block))
        if not grouped:
            return [label]
        out: list[str] = []
        for number, (count, block) in enumerate(grouped):
            last = number == len(grouped) - 1
            mark = "---" if len(grouped) == 1 else "-+-" if not number else " `-" if last else " |-"
            times = f"{count}*[" if count > 1 else ""
            for row, line in enumerate(block):
                lead = label if not out else " " * len(label)
                if row:
                    mark = "   " if last else " | "
                    times = " " * len(times)
                end = "]" if count > 1 and not row else ""
                out.append(f"{lead}{mark}{times}{line}{end}")
        return out


@program("o:", "[-l] [-SIG] [-o PID]...", "Send a signal (default: TERM) to all processes")
async def killall5(proc: ContainerProcess, options: Options, _words: list[str]) -> int:
    """Signal all processes outside of this one's session."""
    omitted = {int(pid) for pid in options.all("o") if pid.isdigit()}
    for process in list(proc.machine.table.values()):
        if process.pid not in omitted and process.sid != proc.sid and process.pid != 1:
            proc.machine.kill(proc, process.pid, signals.SIGTERM)
    return 0
