"""What keeps a submission to itself: namespaces, limits, and its end.

All of it works without root where the system lets users make namespaces (``unshare(2)``); where
it does not, Landlock (:mod:`graders.grading.landlock`), process groups and ``rlimit`` remain, and
the result says so (:func:`enter`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from course_lib import syscalls

# <linux/mount.h>, <linux/prctl.h>
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_SET_PDEATHSIG, _GET_DUMPABLE, _SET_DUMPABLE = 1, 3, 4
_SET_SUBREAPER, _SET_NO_NEW_PRIVS = 36, 38


TMP = Path("/tmp")
SHM = Path("/dev/shm")
_FIRST_NUMBER = 300
"""Numbers below are not given again once they were (``RESERVED_PIDS`` of ``kernel/pid.c``)."""
_SHM_BYTES = 64 * 1024 * 1024
_ROOM = 2
"""The system's own limit is so many times ours: who goes beyond ours is seen to, and ended. At a
limit that cannot be passed a fork bomb would live on, and burn."""
_NICE = 10
"""The grader comes first, also before five hundred processes of one submission."""


@cache
def possible() -> bool:
    """Whether this system lets this user do all that (looked up once, in a fork)."""
    if sys.platform != "linux":
        return False
    pid = os.fork()
    if not pid:
        code = 1
        try:
            _enter((), (), 1024 * 1024)
            _enter_processes(())
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def enter(hidden: Iterable[Path], kept: Iterable[Path], disk_bytes: int | None) -> bool:
    """Give this process a network and a view of the files of its own; whether that worked.

    The network is a loopback interface and nothing else, so that submissions may publish the
    same ports side by side. ``/tmp`` is a file system of its own of at most ``disk_bytes``, which
    goes with the last process in it. What is ``hidden`` looks empty.

    :param kept: what is needed nevertheless, should it lie under ``/tmp``.
    :param disk_bytes: None leaves network and ``/tmp`` as they are, and hides alone: a daemon
        outside has to reach both.
    """
    if not possible():
        return False
    _enter(hidden, kept, disk_bytes)
    return True


def _enter(hidden: Iterable[Path], kept: Iterable[Path], disk_bytes: int | None) -> None:
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.NEWUSER | syscalls.NEWNS | (syscalls.NEWNET if disk_bytes else 0))
    _map_ids(uid, gid)
    _mount("none", "/", "", _REC | _PRIVATE)
    for path in hidden:
        if path.is_dir():
            _cover(path)
        elif path.exists():
            _mount("/dev/null", str(path), "", _BIND)
    if disk_bytes:
        syscalls.loopback_up()
        _own_tmp(kept, disk_bytes)


def _own_tmp(kept: Iterable[Path], disk_bytes: int) -> None:
    """An empty ``/tmp``, and ``/dev/shm``, but for what is kept."""
    inside = [path.resolve() for path in kept if path.resolve().is_relative_to(TMP)]
    opened = [(path, os.open(path, os.O_PATH)) for path in inside if path.exists()]
    _mount("tmpfs", str(TMP), "tmpfs", _NOSUID | _NODEV, f"size={disk_bytes},mode=0700")
    for path, descriptor in opened:
        path.mkdir(parents=True, exist_ok=True)
        _mount(f"/proc/self/fd/{descriptor}", str(path), "", _BIND | _REC)
        os.close(descriptor)
    if SHM.is_dir():
        _mount("tmpfs", str(SHM), "tmpfs", _NOSUID | _NODEV, f"size={_SHM_BYTES},mode=0700")


def enter_processes(hidden: Iterable[Path]) -> bool:
    """Let the *next* fork be the first process of a world of its own: whether that worked.

    It sees no process outside, and with its end all others in there end.
    """
    if not possible():
        return False
    _enter_processes(hidden)
    return True


def _enter_processes(hidden: Iterable[Path]) -> None:
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.NEWUSER | syscalls.NEWNS | syscalls.NEWPID | syscalls.NEWIPC)
    _map_ids(uid, gid)
    _mount("none", "/", "", _REC | _PRIVATE)
    for path in hidden:
        _cover(path)


def _cover(folder: Path) -> None:
    """Let a folder look empty."""
    flags = _RDONLY | _NOSUID | _NODEV | _NOEXEC
    _mount("tmpfs", str(folder), "tmpfs", flags, "size=4k,mode=0555")


def own_proc(processes: int) -> None:
    """In the first process of its world: ``/proc`` shows that world, where the system allows.

    From Linux 6.14 on such a world also has a highest process number of its own, and so a limit
    that holds for root too, against whom ``RLIMIT_NPROC`` does nothing. Numbers below 300 are given
    out until that is reached for the first time, and never after it: it is, at once.
    """
    kernel = Path("/proc/sys/kernel")
    with contextlib.suppress(OSError):
        _mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
        (kernel / "pid_max").write_text(str(_FIRST_NUMBER + _ROOM * processes))
        (kernel / "ns_last_pid").write_text(str(_FIRST_NUMBER))


def protect(*, protected: bool = True) -> None:
    """Nobody of the same user may look into this process or change it (``ptrace``, ``/proc``)."""
    _prctl(_SET_DUMPABLE, 0 if protected else 1)


def die_with_parent(parent: int) -> None:
    """End when the parent ends, however that happens, and at once where it has already.

    :param parent: its number, as it was known before the fork. The first process of a world of its
        own sees that as 0, alive or not.
    """
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() not in (parent, 0):
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own has ended, to find them again."""
    _prctl(_SET_SUBREAPER, 1)


def limit(memory_bytes: int, file_bytes: int, processes: int, *, own_world: bool) -> None:
    """Limits of a student's process and all that it starts, and their place in the queue.

    The number of processes counts per user, so it is set only in a user namespace of its own.
    """
    _prctl(_SET_NO_NEW_PRIVS, 1)
    os.nice(_NICE)
    wanted = {
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    if own_world:
        wanted[resource.RLIMIT_NPROC] = _ROOM * processes
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (allowed, allowed))


def close_descriptors(keep: Iterable[int]) -> None:
    """Close every descriptor but those: nothing of whoever forked stays in reach."""
    first = 0
    for descriptor in [*sorted(set(keep)), _highest()]:
        if first < descriptor:  # of an empty range, Python 3.11 makes all there are
            os.closerange(first, descriptor)
        first = descriptor + 1


def _highest() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return max(map(int, os.listdir("/proc/self/fd"))) + 1
    except OSError:
        return min(soft, 65536)


def _map_ids(uid: int, gid: int) -> None:
    # Of a protected process these files are root's: nobody else could write them.
    protected = _prctl(_GET_DUMPABLE, 0) == 0
    protect(protected=False)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    finally:
        protect(protected=protected)


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(target), kind.encode() or None)
    syscalls.check(
        syscalls.libc().mount(*words, ctypes.c_ulong(flags), options.encode() or None), target
    )


def _prctl(option: int, value: int) -> int:
    if sys.platform != "linux":
        return -1
    return int(syscalls.libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0))
