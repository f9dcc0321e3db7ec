"""What a container's ``/proc`` shows of its processes and its machine (``proc(5)``)."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.engine.interfaces import OpenFile
    from course_lib.engine.userland.machine import ContainerMachine
    from course_lib.engine.userland.process import ContainerProcess

HERTZ = 100
"""Clock ticks per second in ``/proc/PID/stat``."""
KERNEL = "6.1.0-embedded"
TOTAL_KB = 2 * 1024 * 1024
"""Memory that a container is told of: there is no limit that could be measured."""
_FIRST_MOUNT = 501
_OF_THE_MOUNT = frozenset(
    ["ro", "rw", "nosuid", "nodev", "noexec", "relatime", "noatime", "nodiratime"]
)
"""Options of the one mount; the others are those of the file system."""
_MANGLED = str.maketrans({" ": r"\040", "\t": r"\011", "\n": r"\012", "\\": r"\134"})
_GUARDED_DIRECTORIES = frozenset({"acpi", "bus", "fs", "irq"})
"""There is nothing in them; dockerd guards them all the same (``fs.guarded``)."""
_NET = ("arp", "dev", "if_inet6", "route", "tcp", "tcp6", "udp", "udp6")


class ProcFs:
    """The ``proc`` of a :class:`~course_lib.engine.userland.machine.ContainerMachine`.

    Paths are those inside the container, ``/proc/...``. ``/proc/self`` is the process that is
    taking a step while it asks.
    """

    def __init__(self, machine: ContainerMachine) -> None:
        self._machine = machine
        self._top: dict[str, Callable[[], str]] = {
            "cpuinfo": self._cpuinfo,
            "keys": lambda: "",
            "timer_list": lambda: "",
            "filesystems": lambda: "nodev\tproc\nnodev\ttmpfs\nnodev\toverlay\n",
            "loadavg": self._loadavg,
            "meminfo": self._meminfo,
            "mounts": self._mounts,
            "stat": self._stat,
            "uptime": self._uptime,
            "version": lambda: f"Linux version {KERNEL} (embedded Docker engine) #1 SMP\n",
        }
        self._per_process: dict[str, Callable[[ContainerProcess], str]] = {
            "cgroup": lambda _: "0::/\n",
            "cmdline": lambda p: "".join(f"{word}\0" for word in p.argv),
            "comm": lambda p: f"{p.comm}\n",
            "environ": lambda p: "".join(f"{k}={v}\0" for k, v in p.env.items()),
            "limits": self._limits,
            "mountinfo": lambda _: self._mountinfo(),
            "mounts": lambda _: self._mounts(),
            "stat": self._process_stat,
            "status": self._process_status,
        }

    def read(self, path: str) -> bytes | None:
        """Content of a file below ``/proc``; None if there is no such file."""
        parts = self._parts(path)
        text: str | None = None
        match parts:
            case [name] if name in self._top:
                text = self._top[name]()
            case ["net", name] | [_, "net", name]:
                if (len(parts) == 2 or self._process(parts[0])) and name in _NET:
                    text = self._network(name)
            case ["sys", *rest]:
                text = self._sysctl("/".join(rest))
            case [pid, name] if name in self._per_process:
                process = self._process(pid)
                text = self._per_process[name](process) if process else None
            case _:
                pass
        return None if text is None else text.encode("utf-8", "surrogateescape")

    def listdir(self, path: str) -> list[str] | None:
        """Names in a directory below ``/proc``; None if it is not a directory."""
        parts = self._parts(path)
        match parts:
            case []:
                pids = [str(pid) for pid in sorted(self._machine.table)]
                return [*pids, *sorted([*self._top, *_GUARDED_DIRECTORIES, "net", "self", "sys"])]
            case [name] if name in _GUARDED_DIRECTORIES:
                return []
            case ["net"] | [_, "net"] if len(parts) == 1 or self._process(parts[0]):
                return list(_NET)
            case ["sys", *rest]:
                prefix = "".join(f"{part}/" for part in rest)
                names = {
                    key[len(prefix) :].split("/")[0]
                    for key in self._sysctls()
                    if key.startswith(prefix)
                }
                return sorted(names) or None
            case [pid] if self._process(pid):
                return sorted([*self._per_process, "cwd", "exe", "fd", "net", "root"])
            case [pid, "fd"]:
                process = self._process(pid)
                return [str(number) for number in sorted(process.fds)] if process else None
            case _:
                return None

    def readlink(self, path: str) -> str | None:
        """Target of a symbolic link below ``/proc``; None if it is not one."""
        parts = self._parts(path, follow_self=False)
        if parts == ["self"]:
            current = self._machine.current
            return str(current.pid) if current else None
        match self._parts(path):
            case [pid, name]:
                process = self._process(pid)
                if process is not None:
                    return {"cwd": process.cwd, "exe": process.exe, "root": "/"}.get(name)
            case [pid, "fd", number]:
                process = self._process(pid)
                if process is not None and number.isdigit() and int(number) in process.fds:
                    file = process.fds[int(number)]
                    if file.kind == "tty":
                        return "/dev/pts/0"
                    found = file.stat()
                    return f"{file.kind}:[{found.ino}]"
            case _:
                pass
        return None

    def open_file(self, path: str) -> OpenFile | None:
        """The open file behind a link ``/proc/PID/fd/N``; not a duplicate."""
        match self._parts(path):
            case [pid, "fd", number] if number.isdigit():
                process = self._process(pid)
                return process.fds.get(int(number)) if process is not None else None
            case _:
                return None

    def terminal(self) -> OpenFile | None:
        """A handle on the terminal of the process that asks; not a duplicate."""
        current = self._machine.current
        handles = current.fds.values() if current is not None else ()
        return next((handle for handle in handles if handle.isatty()), None)

    def network(self) -> dict[str, dict[str, str]]:
        """The interfaces by name, with what the kernel says of each in ``/sys/class/net``."""
        return {
            nic.name: {
                "address": nic.mac,
                "ifindex": str(nic.index),
                "mtu": str(nic.mtu),
                # The kernel does not know this of a loopback.
                "operstate": "unknown" if nic.kind == "loopback" else "up" if nic.up else "down",
            }
            for nic in self._machine.net.interfaces()
        }

    # --- finding -----------------------------------------------------------------------------

    def _parts(self, path: str, *, follow_self: bool = True) -> list[str]:
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if parts[:1] == ["proc"]:
            parts = parts[1:]
        if follow_self and parts[:1] == ["self"] and self._machine.current:
            parts[0] = str(self._machine.current.pid)
        return parts

    def _process(self, pid: str) -> ContainerProcess | None:
        return self._machine.table.get(int(pid)) if pid.isdigit() else None

    # --- the machine -------------------------------------------------------------------------

    def _since_boot(self) -> float:
        return self._machine.clock.monotonic() - self._machine.booted

    def _uptime(self) -> str:
        up = self._since_boot()
        return f"{up:.2f} {up:.2f}\n"

    def _running(self) -> tuple[int, int]:
        table = list(self._machine.table.values())
        return sum(p.state == "R" for p in table), len(table)

    def _loadavg(self) -> str:
        running, total = self._running()
        last = max(self._machine.table, default=0)
        return f"0.00 0.00 0.00 {running}/{total} {last}\n"

    def _meminfo(self) -> str:
        free = TOTAL_KB - 4096 * len(self._machine.table)
        rows = {
            "MemTotal": TOTAL_KB, "MemFree": free, "MemAvailable": free, "Buffers": 0,
            "Cached": 0, "SwapCached": 0, "SwapTotal": 0, "SwapFree": 0, "Shmem": 0,
            "SReclaimable": 0,
        }  # fmt: skip
        return "".join(f"{name + ':':<16}{size:>8} kB\n" for name, size in rows.items())

    def _cpuinfo(self) -> str:
        return "".join(
            f"processor\t: {n}\nmodel name\t: Embedded virtual CPU\ncpu MHz\t\t: 1000.000\n\n"
            for n in range(os.cpu_count() or 1)
        )

    def _stat(self) -> str:
        busy = int(sum(p.cpu for p in self._machine.table.values()) * HERTZ)
        idle = int(self._since_boot() * HERTZ)
        booted = self._machine.clock.time_ns() // 1_000_000_000 - int(self._since_boot())
        row = f"{busy} 0 0 {idle} 0 0 0 0 0 0\n"
        return f"cpu  {row}cpu0 {row}ctxt 0\nbtime {booted}\nprocesses 1\nprocs_running 1\n"

    def _mounts(self) -> str:
        return "".join(
            f"{_mangled(m.source)} {_mangled(m.target)} {m.fstype} {m.options} 0 0\n"
            for m in self._machine.fs.mounts()
        )

    def _mountinfo(self) -> str:
        """``proc_pid_mountinfo(5)``: a number and its parent's, which is mounted where."""
        entries = self._machine.fs.mounts()
        numbers = {entry.target: number for number, entry in enumerate(entries, _FIRST_MOUNT)}
        lines = []
        for entry in entries:
            above = posixpath.dirname(entry.target)
            while above not in numbers and above != "/":
                above = posixpath.dirname(above)
            parent = _FIRST_MOUNT - 1 if entry.target == "/" else numbers[above]
            options = entry.options.split(",")
            own = [o for o in options if o in _OF_THE_MOUNT]
            others = [o for o in options if o not in _OF_THE_MOUNT]
            lines.append(
                f"{numbers[entry.target]} {parent} {entry.device[0]}:{entry.device[1]} "
                f"{_mangled(entry.root)} {_mangled(entry.target)} {','.join(own)} - "
                f"{entry.fstype} {_mangled(entry.source)} "
                f"{','.join(['rw', *others])}\n"
            )
        return "".join(lines)

    def _sysctls(self) -> dict[str, str]:
        return {
            "kernel/domainname": self._machine.domainname or "(none)",
            "kernel/hostname": self._machine.hostname,
            "kernel/osrelease": KERNEL,
            "kernel/ostype": "Linux",
            "kernel/pid_max": "4194304",
            "net/core/somaxconn": "4096",
            "net/ipv4/ip_forward": "1",
            "net/ipv4/ip_local_port_range": "32768\t60999",
            "net/ipv4/ip_unprivileged_port_start": "0",
            "vm/overcommit_memory": "0",
        }

    def _sysctl(self, key: str) -> str | None:
        value = self._sysctls().get(key)
        return None if value is None else f"{value}\n"

    # --- one process -------------------------------------------------------------------------

    def _process_stat(self, process: ContainerProcess) -> str:
        ticks = int(process.cpu * HERTZ)
        start = int((process.started - self._machine.booted) * HERTZ)
        fields = [
            process.pid, f"({process.comm})", process.state, process.ppid, process.pgid,
            process.sid, 0x8800 if process.terminal else 0, process.pgid, 0, 0, 0, 0, 0, ticks, 0,
            0, 0, 20, 0, 1, 0, start, 1 << 20, 256,
        ]  # fmt: skip
        return " ".join(str(field) for field in fields) + " 0" * 28 + "\n"

    @staticmethod
    def _limits(process: ContainerProcess) -> str:
        rows = (("Limit", "Soft Limit", "Hard Limit", "Units"),
                ("Max open files", *process.open_files, "files"))  # fmt: skip
        return "".join(
            f"{what:<26}{soft:<21}{hard:<21}{unit:<10}\n" for what, soft, hard, unit in rows
        )

    def _process_status(self, process: ContainerProcess) -> str:
        states = {"R": "running", "S": "sleeping", "T": "stopped", "Z": "zombie", "D": "disk sleep"}
        state = process.state
        uid, gid = process.uid, process.gid
        groups = " ".join(str(group) for group in process.groups)
        return (
            f"Name:\t{process.comm}\nUmask:\t{process.umask:04o}\n"
            f"State:\t{state} ({states[state]})\nTgid:\t{process.pid}\nPid:\t{process.pid}\n"
            f"PPid:\t{process.ppid}\nTracerPid:\t0\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
            f"Gid:\t{gid}\t{gid}\t{gid}\t{gid}\nFDSize:\t64\nGroups:\t{groups} \n"
            "VmSize:\t    1024 kB\nVmRSS:\t    1024 kB\nThreads:\t1\n"
        )

    # --- network -----------------------------------------------------------------------------

    def _network(self, name: str) -> str:
        from course_lib.engine.userland import procnet

        return procnet.read(self._machine.net, name)


def _mangled(text: str) -> str:
    """A path or a source as a field of ``/proc/mounts`` (Linux: ``mangle_path``)."""
    return text.translate(_MANGLED)
