"""What ``redis-server`` is told: its command line and its configuration file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from course_lib.engine.userland.servers.redis.resp import ProtocolError, split_line

# Until 6.2, and since.
OLD_SAVE = ((900, 1), (300, 10), (60, 10000))
DEFAULT_SAVE = ((3600, 1), (300, 100), (60, 10000))


class ConfigError(Exception):
    """A directive that cannot be used; ``line`` is its text."""

    def __init__(self, message: str, line: str, number: int) -> None:
        super().__init__(message)
        self.line = line
        self.number = number


@dataclass(slots=True)
class Config:
    """Settings by their names in Redis.

    :ivar save: (seconds, changes) after which a dump is written; empty for never.
    :ivar rewrite: the append only file is written anew once it has grown by so many percent (0 for
        never), from so many bytes on.
    :ivar others: directives that are accepted without effect here, for ``CONFIG GET``.
    """

    port: int = 6379
    bind: str = "0.0.0.0"
    dir: str = ""
    dbfilename: str = "dump.rdb"
    requirepass: str = ""
    save: tuple[tuple[int, int], ...] = DEFAULT_SAVE
    file: str = ""
    appendonly: bool = False
    appendfilename: str = "appendonly.aof"
    appenddirname: str = "appendonlydir"
    load_truncated: bool = True
    rewrite: tuple[int, int] = (100, 64 << 20)
    others: dict[str, str] = field(default_factory=dict)

    def get(self, pattern: str) -> dict[str, str]:
        """``CONFIG GET``: names that fit a glob pattern, with their values."""
        from fnmatch import fnmatchcase

        known = {
            "port": str(self.port), "bind": self.bind, "dir": self.dir,
            "dbfilename": self.dbfilename, "requirepass": self.requirepass,
            "save": " ".join(f"{s} {c}" for s, c in self.save), "appendonly": _yes(self.appendonly),
            "appendfilename": self.appendfilename, "appenddirname": self.appenddirname,
            "aof-load-truncated": _yes(self.load_truncated), "appendfsync": "everysec",
            "auto-aof-rewrite-percentage": str(self.rewrite[0]),
            "auto-aof-rewrite-min-size": str(self.rewrite[1]),
            "databases": "16", "maxmemory": "0", **self.others,
        }  # fmt: skip
        return {name: value for name, value in known.items() if fnmatchcase(name, pattern.lower())}


def _yes(value: bool) -> str:
    return "yes" if value else "no"


_HARMLESS = frozenset(
    """
    activerehashing always-show-logo aof-rewrite-incremental-fsync appendfsync
    client-output-buffer-limit daemonize databases hz
    hash-max-listpack-entries hash-max-listpack-value hash-max-ziplist-entries
    hash-max-ziplist-value latency-monitor-threshold list-max-listpack-size
    list-max-ziplist-entries list-max-ziplist-value loglevel logfile lua-time-limit maxclients
    maxmemory maxmemory-policy no-appendfsync-on-rewrite notify-keyspace-events pidfile
    protected-mode rdbchecksum rdbcompression set-max-intset-entries slowlog-log-slower-than
    slowlog-max-len stop-writes-on-bgsave-error supervised tcp-backlog tcp-keepalive timeout
    zset-max-listpack-entries zset-max-ziplist-entries zset-max-ziplist-value
    """.split()
)


_SIZES = {"": 1, "b": 1, "k": 1000, "kb": 1 << 10, "m": 10**6, "mb": 1 << 20, "g": 10**9,
          "gb": 1 << 30}  # fmt: skip


def _whole(value: str, wrong: Callable[[str], ConfigError]) -> int:
    """A number, or a size such as ``64mb``."""
    digits = value.rstrip("bkmgBKMG")
    unit = _SIZES.get(value[len(digits) :].lower())
    if not digits.isdigit() or unit is None:
        raise wrong("argument must be a memory value")
    return int(digits) * unit


def apply(config: Config, words: Sequence[str], line: str, number: int) -> None:
    """Take one directive in.

    :raises ConfigError: it is unknown, has the wrong words, or is not supported here.
    """
    name, *values = words
    name = name.lower()

    def wrong(message: str) -> ConfigError:
        return ConfigError(message, line, number)

    if name == "save":
        if values in ([], [""]):
            config.save = ()
            return
        flat = " ".join(values).split()
        if len(flat) % 2 or not all(v.isdigit() for v in flat):
            raise wrong("Invalid save parameters")
        pairs = tuple((int(flat[i]), int(flat[i + 1])) for i in range(0, len(flat), 2))
        config.save = pairs if config.save is DEFAULT_SAVE else config.save + pairs
        return
    if name == "bind":
        config.bind = values[0] if values else "0.0.0.0"
        if any(v.lstrip("-") in {"*", "0.0.0.0"} for v in values):
            config.bind = "0.0.0.0"
        return
    if len(values) < 1:
        raise wrong("Bad directive or wrong number of arguments")
    value = values[0]
    if name == "port":
        if not value.isdigit() or int(value) > 65535:
            raise wrong("Invalid port")
        config.port = int(value)
    elif name == "dir":
        config.dir = value
    elif name == "dbfilename":
        if "/" in value:
            raise wrong("dbfilename can't be a path, just a filename")
        config.dbfilename = value
    elif name == "requirepass":
        config.requirepass = value
    elif name in {"appendonly", "aof-load-truncated"}:
        if value.lower() not in {"yes", "no"}:
            raise wrong("argument must be 'yes' or 'no'")
        switch = "appendonly" if name == "appendonly" else "load_truncated"
        setattr(config, switch, value.lower() == "yes")
    elif name in {"appendfilename", "appenddirname"}:
        if "/" in value or not value:
            raise wrong(f"{name} can't be a path, just a {name.removeprefix('append')}")
        setattr(config, name, value)
    elif name == "auto-aof-rewrite-percentage":
        config.rewrite = (_whole(value, wrong), config.rewrite[1])
    elif name == "auto-aof-rewrite-min-size":
        config.rewrite = (config.rewrite[0], _whole(value, wrong))
    elif name == "aof-use-rdb-preamble":
        if value.lower() != "yes":
            raise wrong("A base file without a dump is not supported by the embedded engine")
    elif name in {"slaveof", "replicaof", "cluster-enabled", "aclfile", "include", "tls-port"}:
        if value.lower() != "no":
            raise wrong(f"'{name}' is not supported by the embedded engine")
    elif name in _HARMLESS:
        config.others[name] = " ".join(values)
    else:
        raise wrong("Bad directive or wrong number of arguments")


def from_file(config: Config, text: str) -> None:
    """Take a configuration file in.

    :raises ConfigError: with the number of the line.
    """
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            words = [w.decode("utf-8", "replace") for w in split_line(line.encode())]
        except ProtocolError:
            raise ConfigError("Unbalanced quotes in configuration line", line, number) from None
        apply(config, words, line, number)


def from_words(config: Config, words: Sequence[str]) -> None:
    """Take ``--name value …`` in, each option a line as Redis reads them.

    :raises ConfigError: with the number of that line.
    """
    lines: list[list[str]] = []
    for word in words:
        if word.startswith("--"):
            lines.append([word[2:]])
        elif lines:
            lines[-1].append(word)
    for number, line in enumerate(lines, 2):
        shown = " ".join([line[0], *(f'"{w}"' for w in line[1:])])
        apply(config, line, shown, number)
