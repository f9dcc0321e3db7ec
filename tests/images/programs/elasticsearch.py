#!/usr/bin/python3
"""The parts of a one-node Elasticsearch 2 that a networking lesson asks for, at port 9200."""

import http.server
import json
import os
import random
import signal
import socket
import socketserver
import string
import sys
import uuid

FIRST = ("Amber", "Brisk", "Copper", "Dusty", "Frost", "Golden", "Hidden", "Jade", "Lunar")
SECOND = ("Badger", "Condor", "Dingo", "Falcon", "Gecko", "Heron", "Ibex", "Lynx", "Otter")


def option(name: str, default: str) -> str:
    """A setting given as on the real command line, ``-Des.node.name=x`` or ``--node.name=x``."""
    for word in sys.argv[1:]:
        for prefix in (f"-Des.{name}=", f"--{name}=", f"-E{name}="):
            if word.startswith(prefix):
                return word[len(prefix) :]
    return default


# Thousands of names, as the real one has: tests tell the nodes apart by them.
TAIL = "".join(random.choices(string.ascii_lowercase, k=4))
NODE = option("node.name", f"{random.choice(FIRST)} {random.choice(SECOND)}{TAIL}")
CLUSTER = option("cluster.name", "elasticsearch")
CLUSTER_UUID = uuid.uuid4().hex[:22]


def banner() -> dict[str, object]:
    return {
        "name": NODE,
        "cluster_name": CLUSTER,
        "cluster_uuid": CLUSTER_UUID,
        "version": {
            "number": "2.4.6",
            "build_hash": "5376dca9f70f3abef96a77f4bb22720ace8240fd",
            "build_timestamp": "2017-07-18T12:17:44Z",
            "build_snapshot": False,
            "lucene_version": "5.5.4",
        },
        "tagline": "You Know, for Search",
    }


def health() -> dict[str, object]:
    return {
        "cluster_name": CLUSTER,
        "status": "green",
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 0,
        "active_shards": 0,
    }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/":
            self.answer(200, banner())
        elif path == "/_cluster/health":
            self.answer(200, health())
        elif path == "/_cat/nodes":
            address = socket.gethostbyname(socket.gethostname())
            self.text(200, f"{address} {address} 4 10 0.00 d * {NODE}\n", "text/plain")
        else:
            index = path.strip("/").split("/")[0]
            self.answer(
                404,
                {
                    "error": {"type": "index_not_found_exception", "index": index},
                    "status": 404,
                },
            )

    do_HEAD = do_GET

    def answer(self, status: int, document: object) -> None:
        self.text(status, json.dumps(document, indent=2) + "\n", "application/json; charset=UTF-8")

    def text(self, status: int, body: str, kind: str) -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET
    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without the reverse look-up of HTTPServer
        self.server_name, self.server_port = "elasticsearch", 9200


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    server = Server(("0.0.0.0", 9200), Handler)
    transport = socket.create_server(("0.0.0.0", 9300))  # nodes would talk here
    print(f"[INFO ][node] [{NODE}] version[2.4.6], pid[{os.getpid()}]", flush=True)
    print(f"[INFO ][node] [{NODE}] started", flush=True)
    with transport:
        server.serve_forever()


main()
