"""Counts the visits that each container of the application served, in the Redis named redis."""

import html
import http.server
import os
import signal
import socket
import socketserver
import sys
from typing import Any, BinaryIO


class Redis:
    """A connection to ``redis:6379`` that lasts one command."""

    def command(self, *words: str) -> Any:
        with socket.create_connection(("redis", 6379), timeout=3) as connection:
            parts = [f"*{len(words)}\r\n"]
            parts += [f"${len(word)}\r\n{word}\r\n" for word in words]
            connection.sendall("".join(parts).encode())
            with connection.makefile("rb") as stream:
                return self.reply(stream)

    def reply(self, stream: BinaryIO) -> Any:
        line = stream.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == ":":
            return int(rest)
        if kind == "$":
            return stream.read(int(rest) + 2)[:-2].decode() if int(rest) >= 0 else None
        if kind == "*":
            return [self.reply(stream) for _ in range(int(rest))]
        if kind == "-":
            raise OSError(rest)
        return rest


def page() -> tuple[int, str]:
    """Status and body: the visit count, or what kept us from it."""
    me = socket.gethostname()
    redis = Redis()
    try:
        count = redis.command("HINCRBY", "visits", me, "1")
        flat = redis.command("HGETALL", "visits")
    except OSError as error:
        reason = f"Error {error.errno} connecting to redis:6379. {error}"
        print(f"redis.exceptions.ConnectionError: {reason}", file=sys.stderr, flush=True)
        return 500, (
            "<h1>The visit counter is not available</h1>\n"
            f"<p>{html.escape(reason)}</p>\n"
            "<p>Is a server named <b>redis</b> running where this container can find it?</p>\n"
        )
    ladder = sorted(zip(flat[::2], map(int, flat[1::2]), strict=True), key=lambda row: -row[1])
    rows = "".join(f"<tr><td>{name}</td><td>{number}</td></tr>\n" for name, number in ladder)
    total = sum(number for _, number in ladder)
    return 200, (
        "<h1>Training wheels</h1>\n"
        f"<p>This request was served by <b>{me}</b>.</p>\n"
        f"<p>{me} served <b>{count}</b> request{'s' if count != 1 else ''} so far,"
        f" all together <b>{total}</b>.</p>\n<table>\n{rows}</table>\n"
    )


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path != "/":
            self.send_error(404)
            return
        status, body = page()
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without the reverse look-up of HTTPServer
        self.server_name, self.server_port = "trainingwheels", 5000


signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
signal.signal(signal.SIGINT, lambda *_: os._exit(130))
print(" * Running on http://0.0.0.0:5000/", flush=True)
Server(("0.0.0.0", 5000), Handler).serve_forever()
