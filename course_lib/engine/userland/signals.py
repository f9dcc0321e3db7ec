"""Names and default actions of Linux signals, as ``signal(7)`` lists them."""

from __future__ import annotations

import signal
from typing import Literal

Action = Literal["terminate", "ignore", "stop", "continue"]

# Linux numbers (x86, ARM), spelled out because a macOS host numbers them otherwise.
NUMBERS: dict[str, int] = {
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8,
    "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
    "STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22,
    "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29,
    "PWR": 30, "SYS": 31,
}  # fmt: skip
ALIASES: dict[str, int] = {"POLL": 29, "IOT": 6, "CLD": 17}
RTMIN, RTMAX = 34, 64
NAMES: dict[int, str] = {number: name for name, number in NUMBERS.items()}

SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGPIPE, SIGALRM, SIGTERM = 1, 2, 3, 9, 13, 14, 15
SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH = 17, 18, 19, 20, 21, 22, 28

_IGNORED = {SIGCHLD, 23, SIGWINCH}
_STOPPING = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU}

# What a shell prints about a job that such a signal ended (strsignal(3)).
DESCRIPTIONS: dict[int, str] = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/breakpoint trap",
    6: "Aborted", 7: "Bus error", 8: "Floating point exception", 9: "Killed",
    10: "User defined signal 1", 11: "Segmentation fault", 12: "User defined signal 2",
    13: "Broken pipe", 14: "Alarm clock", 15: "Terminated", 16: "Stack fault", 17: "Child exited",
    18: "Continued", 19: "Stopped (signal)", 20: "Stopped", 21: "Stopped (tty input)",
    22: "Stopped (tty output)",
}  # fmt: skip


def default_action(signum: int) -> Action:
    """What a signal does to a process that neither handles nor ignores it."""
    if signum in _IGNORED:
        return "ignore"
    if signum in _STOPPING:
        return "stop"
    return "continue" if signum == SIGCONT else "terminate"


def parse(text: str) -> int | None:
    """Number of ``9``, ``KILL``, ``SIGKILL`` or ``sigkill``; None if there is no such signal."""
    if text.isdigit():
        number = int(text)
        return number if 0 <= number <= RTMAX else None
    name = text.upper().removeprefix("SIG")
    if name == "EXIT":
        return 0
    if name in NUMBERS:
        return NUMBERS[name]
    if name == "RTMIN":
        return RTMIN
    if name == "RTMAX":
        return RTMAX
    return ALIASES.get(name)


def name_of(signum: int) -> str:
    """Name without ``SIG``; the number itself where it has no name."""
    if RTMIN <= signum <= RTMAX:
        return "RTMIN" if signum == RTMIN else "RTMAX" if signum == RTMAX else str(signum)
    return NAMES.get(signum, str(signum))


def from_host(signum: int) -> int:
    """The Linux number of a signal given in the host's numbering."""
    try:
        return NUMBERS.get(signal.Signals(signum).name.removeprefix("SIG"), signum)
    except ValueError:
        return signum
