"""The text of ``INFO``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Facts:
    """What a server knows of itself.

    :ivar append_only: size of the file, that of its base, and whether it can be written; None where
        there is none.
    """

    version: str
    run_id: str
    pid: int
    port: int
    uptime: int
    config_file: str
    clients: int
    dirty: int
    last_save: int
    last_save_ok: bool
    connections: int
    commands: int
    keyspace: Mapping[int, tuple[int, int]]
    append_only: tuple[int, int, bool] | None


def sections(facts: Facts) -> dict[str, list[tuple[str, object]]]:
    """All sections in order."""
    append_only: list[tuple[str, object]] = [("aof_enabled", int(facts.append_only is not None))]
    if facts.append_only is not None:
        size, base, works = facts.append_only
        append_only += [
            ("aof_rewrite_in_progress", 0),
            ("aof_last_write_status", "ok" if works else "err"),
            ("aof_current_size", size),
            ("aof_base_size", base),
        ]
    mode = facts.version >= "2.8"
    return {
        "Server": [
            ("redis_version", facts.version),
            ("redis_git_sha1", "00000000"),
            ("redis_git_dirty", 0),
            ("redis_mode", "standalone"),
            ("os", "Linux x86_64"),
            ("arch_bits", 64),
            ("multiplexing_api", "epoll"),
            ("process_id", facts.pid),
            ("run_id", facts.run_id),
            ("tcp_port", facts.port),
            ("uptime_in_seconds", facts.uptime),
            ("uptime_in_days", facts.uptime // 86400),
            ("hz", 10),
            ("config_file", facts.config_file),
        ],
        "Clients": [("connected_clients", facts.clients), ("blocked_clients", 0)],
        "Persistence": [
            ("loading", 0),
            ("rdb_changes_since_last_save", facts.dirty),
            ("rdb_bgsave_in_progress", 0),
            ("rdb_last_save_time", facts.last_save),
            ("rdb_last_bgsave_status", "ok" if facts.last_save_ok else "err"),
            *append_only,
        ],
        "Stats": [
            ("total_connections_received", facts.connections),
            ("total_commands_processed", facts.commands),
        ],
        "Replication": [("role", "master"), ("connected_slaves", 0)],
        **({"Cluster": [("cluster_enabled", 0)]} if mode and facts.version >= "3" else {}),
        "Keyspace": [
            (f"db{number}", f"keys={keys},expires={ending},avg_ttl=0")
            for number, (keys, ending) in sorted(facts.keyspace.items())
        ],
    }


def text(facts: Facts, wanted: list[str]) -> str:
    """The sections asked for (all for none, ``all``, ``default`` or ``everything``)."""
    chosen = {name.lower() for name in wanted}
    everything = not chosen or chosen & {"all", "default", "everything"}
    blocks = []
    for name, rows in sections(facts).items():
        if everything or name.lower() in chosen:
            lines = "".join(f"{key}:{value}\r\n" for key, value in rows)
            blocks.append(f"# {name}\r\n{lines}")
    return "\r\n".join(blocks)
