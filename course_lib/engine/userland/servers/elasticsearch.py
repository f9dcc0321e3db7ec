"""Elasticsearch 2.4, as far as one node without data goes: who it is and how it feels.

Its answers have the shapes of the real one's; an index, a search or a document is refused.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from course_lib.engine.interfaces import Process
from course_lib.engine.userland import libc, signals
from course_lib.engine.userland.servers.http import HttpServer, Request, Response
from course_lib.engine.userland.servers.nodenames import node_name

VERSION = "2.4.6"
LUCENE = "5.5.4"
HTTP_PORT, TRANSPORT_PORT = 9200, 9300
_JSON = "application/json; charset=UTF-8"
_TEXT = "text/plain; charset=UTF-8"
_REASONS = {400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 501: "Not Implemented"}


@dataclass(frozen=True, slots=True)
class Node:
    """What a node says of itself."""

    name: str
    cluster: str
    uuid: str
    address: str
    started: float


def _option(argv: list[str], name: str, default: str) -> str:
    """A setting as the command line gives it: ``-Des.node.name=x`` or ``--node.name x``."""
    found = default
    for index, word in enumerate(argv):
        for prefix in (f"-Des.{name}=", f"-D{name}=", f"--{name}="):
            if word.startswith(prefix):
                found = word[len(prefix) :]
        if word == f"--{name}" and index + 1 < len(argv):
            found = argv[index + 1]
    return found


def _settings(proc: Process) -> dict[str, str]:
    """``elasticsearch.yml``, as far as it is ``name: value``."""
    try:
        text = proc.fs.read_bytes("/usr/share/elasticsearch/config/elasticsearch.yml").decode()
    except OSError:
        return {}
    rows = (line.partition("#")[0].partition(":") for line in text.splitlines())
    return {name.strip(): value.strip().strip("\"'") for name, colon, value in rows if colon}


async def elasticsearch(proc: Process) -> int:
    """Run one node."""
    words = proc.argv[1:]
    if "-v" in words or "--version" in words:
        await proc.out(f"Version: {VERSION}, Build: 5376dca/2017-07-18T12:17:44Z, JVM: 1.8.0_141\n")
        return 0
    random = proc.machine.ids.random
    settings = _settings(proc)
    own = [a.address for i in proc.net.interfaces() if i.kind != "loopback" for a in i.addresses]
    node = Node(
        _option(words, "node.name", settings.get("node.name", "")) or node_name(random),
        _option(words, "cluster.name", settings.get("cluster.name", "elasticsearch")),
        f"{random.getrandbits(128):032x}"[:22],
        next((a for a in own if not libc.is_ipv6(a)), "127.0.0.1"),
        proc.machine.clock.monotonic(),
    )
    return await _Server(proc, node).run()


class _Server:
    """The process: two listeners, a log, an end by signal."""

    def __init__(self, proc: Process, node: Node) -> None:
        self._proc = proc
        self._node = node
        self._api = Api(proc, node)
        self._http = HttpServer(proc, self._api.answer, self._api.refused, keepalive=300.0)

    async def _log(self, component: str, message: str) -> None:
        from datetime import UTC, datetime

        now = datetime.fromtimestamp(self._proc.machine.clock.time_ns() / 1e9, UTC)
        stamp = f"{now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03}"
        await self._proc.out(f"[{stamp}][INFO ][{component:<25}] [{self._node.name}] {message}\n")

    async def run(self) -> int:
        """Serve until a signal comes."""
        proc, node = self._proc, self._node
        ended: asyncio.Queue[int] = asyncio.Queue()
        for signum in (signals.SIGTERM, signals.SIGINT, signals.SIGHUP):
            proc.on_signal(signum, ended.put_nowait)
        await self._log(
            "node", f"version[{VERSION}], pid[{proc.pid}], build[5376dca/2017-07-18T12:17:44Z]"
        )
        await self._log("node", "initializing ...")
        await self._log("node", "initialized")
        await self._log("node", "starting ...")
        tasks = []
        try:
            for port, serve in ((TRANSPORT_PORT, self._transport), (HTTP_PORT, self._http.serve)):
                listener = proc.net.listen("0.0.0.0", port, owner=proc.pid)
                component = "transport" if port == TRANSPORT_PORT else "http"
                await self._log(
                    component,
                    f"publish_address {{{node.address}:{port}}}, "
                    f"bound_addresses {{0.0.0.0:{port}}}",
                )
                tasks.append(proc.thread(partial(serve, listener)))
        except OSError as error:
            await proc.err(
                f'Exception in thread "main" BindTransportException[Failed to bind to [{port}]]; '
                f"nested: BindException[{error.strerror}];\n"
            )
            return 1
        await self._log("node", "started")
        signum = await ended.get()
        await self._log("node", "stopping ...")
        self._http.close()
        await self._log("node", "stopped")
        await self._log("node", "closing ...")
        await self._log("node", "closed")
        return 128 + signum

    async def _transport(self, listener: Any) -> None:
        """Port 9300, at which nodes of a cluster talk: it hangs up on everyone else."""
        while True:
            try:
                stream = await listener.accept()
            except OSError:
                return
            self._proc.thread(partial(self._hang_up, stream))

    async def _hang_up(self, stream: Any) -> None:
        try:
            await stream.read(6)
        except OSError:
            pass
        finally:
            stream.close()


def _dump(document: Any, pretty: bool) -> bytes:
    if not pretty:
        return json.dumps(document, separators=(",", ":")).encode()
    return (json.dumps(document, indent=2, separators=(",", " : ")) + "\n").encode()


class Api:
    """Elasticsearch's REST answers."""

    def __init__(self, proc: Process, node: Node) -> None:
        self._proc = proc
        self._node = node

    def refused(self, status: int) -> Response:
        """The answer to something that is not HTTP."""
        return Response(status, [("Content-Type", _TEXT)], b"", reason=_REASONS.get(status))

    def _json(self, document: Any, query: dict[str, list[str]], status: int = 200) -> Response:
        pretty = query.get("pretty", ["false"])[-1] != "false"
        body = _dump(document, pretty)
        return Response(status, [("Content-Type", _JSON)], body, reason=_REASONS.get(status))

    async def answer(self, request: Request) -> Response:
        """Route one request."""
        query = parse_qs(request.query, keep_blank_values=True)
        parts = [part for part in request.path.split("/") if part]
        if request.method not in {"GET", "HEAD"}:
            return self._refuse_change(request, parts, query)
        match parts:
            case []:
                return self._json(self._banner(), {"pretty": ["true"], **query})
            case ["_cluster", "health"]:
                return self._json(self._health(), query)
            case ["_cluster", "stats" | "state"] | ["_nodes", *_]:
                return self._json(self._nodes(), query)
            case ["_cat"]:
                rows = "".join(f"/_cat/{name}\n" for name in sorted(_CAT))
                return self._text(f"=^.^=\n{rows}")
            case ["_cat", name] if name in _CAT:
                return self._cat(name, query)
            case ["_stats" | "_mapping" | "_aliases" | "_settings"]:
                return self._json({}, query)
            case ["_search"]:
                return self._json(_EMPTY_SEARCH, query)
            case ["_count"]:
                shards = {"total": 0, "successful": 0, "failed": 0}
                return self._json({"count": 0, "_shards": shards}, query)
            case [name, *_] if name.startswith("_"):
                return self._error(
                    400, f"No handler found for uri [{request.target}] and method "
                    f"[{request.method}]", query,
                )  # fmt: skip
            case [name, *_]:
                return self._missing(name, query)
        raise AssertionError(parts)

    def _banner(self) -> dict[str, Any]:
        return {
            "name": self._node.name,
            "cluster_name": self._node.cluster,
            "cluster_uuid": self._node.uuid,
            "version": {
                "number": VERSION,
                "build_hash": "5376dca9f70f3abef96a77f4bb22720ace8240fd",
                "build_timestamp": "2017-07-18T12:17:44Z",
                "build_snapshot": False,
                "lucene_version": LUCENE,
            },
            "tagline": "You Know, for Search",
        }

    def _health(self) -> dict[str, Any]:
        return {
            "cluster_name": self._node.cluster, "status": "green", "timed_out": False,
            "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": 0,
            "active_shards": 0, "relocating_shards": 0, "initializing_shards": 0,
            "unassigned_shards": 0, "delayed_unassigned_shards": 0,
            "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
            "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": 100.0,
        }  # fmt: skip

    def _nodes(self) -> dict[str, Any]:
        node = self._node
        return {
            "cluster_name": node.cluster,
            "nodes": {
                node.uuid: {
                    "name": node.name,
                    "transport_address": f"{node.address}:{TRANSPORT_PORT}",
                    "host": node.address,
                    "ip": node.address,
                    "version": VERSION,
                    "build": "5376dca",
                    "http_address": f"{node.address}:{HTTP_PORT}",
                }
            },
        }

    def _cat(self, name: str, query: dict[str, list[str]]) -> Response:
        now = self._proc.machine.clock.time_ns() // 1_000_000_000
        clock = f"{now // 3600 % 24:02}:{now // 60 % 60:02}:{now % 60:02}"
        node = self._node
        rows = {
            "health": (now, clock, node.cluster, "green", 1, 1, 0, 0, 0, 0, 0, 0, "-", "100.0%"),
            "nodes": (node.address, node.address, 4, 12, "0.00", "d", "*", node.name),
            "master": (node.uuid, node.address, node.address, node.name),
            "indices": (),
            "count": (now, clock, 0),
        }
        lines = []
        if query.get("v", ["false"])[-1] != "false":
            lines.append(" ".join(_CAT[name]) + "\n")
        if rows[name]:
            lines.append(" ".join(str(cell) for cell in rows[name]) + " \n")
        return self._text("".join(lines))

    def _text(self, text: str) -> Response:
        return Response(200, [("Content-Type", _TEXT)], text.encode())

    def _missing(self, index: str, query: dict[str, list[str]]) -> Response:
        cause = {
            "type": "index_not_found_exception",
            "reason": "no such index",
            "resource.type": "index_or_alias",
            "resource.id": index,
            "index": index,
        }
        return self._json({"error": {"root_cause": [cause], **cause}, "status": 404}, query, 404)

    def _refuse_change(
        self, request: Request, parts: list[str], query: dict[str, list[str]]
    ) -> Response:
        if not parts or parts[0].startswith("_"):
            return self._error(
                400, f"No handler found for uri [{request.target}] and method [{request.method}]",
                query,
            )  # fmt: skip
        if request.method == "DELETE":
            return self._missing(parts[0], query)
        return self._error(501, "storing documents is not supported by the embedded engine", query)

    def _error(self, status: int, reason: str, query: dict[str, list[str]]) -> Response:
        return self._json({"error": reason, "status": status}, query, status)


_CAT = {
    "health": (
        "epoch", "timestamp", "cluster", "status", "node.total", "node.data", "shards", "pri",
        "relo", "init", "unassign", "pending_tasks", "max_task_wait_time", "active_shards_percent",
    ),
    "nodes": ("host", "ip", "heap.percent", "ram.percent", "load", "node.role", "master", "name"),
    "master": ("id", "host", "ip", "node"),
    "indices": (
        "health", "status", "index", "pri", "rep", "docs.count", "docs.deleted", "store.size",
        "pri.store.size",
    ),
    "count": ("epoch", "timestamp", "count"),
}  # fmt: skip

_EMPTY_SEARCH = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 0, "successful": 0, "failed": 0},
    "hits": {"total": 0, "max_score": 0.0, "hits": []},
}
