"""``docker top``: the processes of a container as ``ps`` on the host would list them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from course_lib.engine.errdefs import InvalidParameter, SystemFailure
from course_lib.engine.interfaces import ProcessInfo


@dataclass(frozen=True, slots=True)
class Table:
    """Column titles and rows."""

    titles: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class _Row:
    info: ProcessInfo
    pid: int
    ppid: int
    now: float
    started: datetime


Column = tuple[str, Callable[[_Row], str]]


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def _short_clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def _percent(row: _Row) -> str:
    return f"{int(100 * row.info.cpu / max(row.now - row.info.started, 1e-9))}"


_COLUMNS: Mapping[str, Column] = {
    "uid": ("UID", lambda row: row.info.user),
    "user": ("USER", lambda row: row.info.user),
    "pid": ("PID", lambda row: str(row.pid)),
    "ppid": ("PPID", lambda row: str(row.ppid)),
    "c": ("C", _percent),
    "pcpu": ("%CPU", lambda row: f"{float(_percent(row)):.1f}"),
    "%cpu": ("%CPU", lambda row: f"{float(_percent(row)):.1f}"),
    "pmem": ("%MEM", lambda row: "0.0"),
    "%mem": ("%MEM", lambda row: "0.0"),
    "vsz": ("VSZ", lambda row: "0"),
    "rss": ("RSS", lambda row: "0"),
    "stime": ("STIME", lambda row: row.started.strftime("%H:%M")),
    "start": ("START", lambda row: row.started.strftime("%H:%M")),
    "tty": ("TTY", lambda row: row.info.tty),
    "tt": ("TT", lambda row: row.info.tty),
    "stat": ("STAT", lambda row: row.info.state),
    "s": ("S", lambda row: row.info.state[:1]),
    "time": ("TIME", lambda row: _clock(row.info.cpu)),
    "bsdtime": ("TIME", lambda row: _short_clock(row.info.cpu)),
    "etime": ("ELAPSED", lambda row: _clock(row.now - row.info.started)),
    "comm": ("COMMAND", lambda row: row.info.argv[0].rpartition("/")[2] if row.info.argv else ""),
    "cmd": ("CMD", lambda row: " ".join(row.info.argv)),
    "command": ("COMMAND", lambda row: " ".join(row.info.argv)),
    "args": ("COMMAND", lambda row: " ".join(row.info.argv)),
}

_FULL = ["uid", "pid", "ppid", "c", "stime", "tty", "time", "cmd"]
_BSD = ["user", "pid", "%cpu", "%mem", "vsz", "rss", "tty", "stat", "start", "bsdtime", "command"]
_FORBIDDEN = re.compile(r"\s+([^\s]*)=\s*(PID[^\s]*)")


def table(
    processes: Sequence[ProcessInfo],
    ps_args: str,
    host_pids: Callable[[int], int],
    now: float,
    now_ns: int,
) -> Table:
    """List processes in the columns that the arguments of ``ps`` ask for.

    :param host_pids: the number that a process of the container has on the host.
    :param now: same clock as ``ProcessInfo.started``; :param now_ns: wall clock.
    :raises EngineError: with the words of ``ps`` or dockerd.
    """
    columns = [_COLUMNS[name] for name in _columns(ps_args or "-ef")]
    titles = [title for title, _ in columns]
    if "PID" not in titles:
        raise SystemFailure("Couldn't find PID field in ps output")
    rows = []
    for info in processes:
        started = datetime.fromtimestamp((now_ns - (now - info.started) * 1e9) / 1e9, UTC)
        parent = host_pids(info.ppid) if info.ppid else host_pids(0)
        row = _Row(info, host_pids(info.pid), parent, now, started)
        rows.append([make(row) for _, make in columns])
    return Table(titles, rows)


# ``-o`` comes alone or behind letters that choose processes, as in ``-eo``.
_FORMAT_OPTION = re.compile("[efFlaxwAH]*o(.*)")


def _columns(ps_args: str) -> list[str]:
    for key, value in _FORBIDDEN.findall(ps_args):
        if key != "pid":
            raise InvalidParameter(f'specifying "{key}={value}" is not allowed')
    words = ps_args.split()
    names: list[str] = []
    bsd = False
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        option = word.lstrip("-")
        if format_option := _FORMAT_OPTION.fullmatch(option):
            text = format_option[1]
            if not text and index < len(words):
                text = words[index]
                index += 1
            for part in text.split(","):
                name = part.partition("=")[0].lower()
                if name not in _COLUMNS:
                    raise SystemFailure(
                        f'ps: error: unknown user-defined format specifier "{part}"'
                    )
                names.append(name)
        elif "u" in option and not word.startswith("-"):
            bsd = True
        elif not set(option) <= set("efFlaxwAH"):
            raise SystemFailure("ps: error: unsupported option (BSD syntax)")
    return names or (_BSD if bsd else _FULL)
