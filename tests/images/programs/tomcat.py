#!/usr/bin/python3
"""Stands in for ``catalina.sh run``: serves webapps/ at 8080 and logs every request to logs/."""

import datetime
import http.server
import os
import posixpath
import signal
import socketserver
import sys
import urllib.parse

HOME = os.environ.get("CATALINA_HOME", "/usr/local/tomcat")
LOGS = os.path.join(HOME, "logs")
WEBAPPS = os.path.join(HOME, "webapps")


def log_line(stem: str, line: str) -> None:
    day = datetime.datetime.now().strftime("%Y-%m-%d")
    with open(os.path.join(LOGS, f"{stem}.{day}.{'txt' if 'access' in stem else 'log'}"), "a") as f:
        f.write(line + "\n")


def note(message: str) -> None:
    stamp = datetime.datetime.now().strftime("%d-%b-%Y %H:%M:%S.%f")[:-3]
    line = f"{stamp} INFO [main] org.apache.catalina.startup {message}"
    print(line, file=sys.stderr, flush=True)
    log_line("catalina", line)


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path: str) -> str:
        clean = posixpath.normpath(urllib.parse.unquote(path.partition("?")[0])).strip("/")
        parts = [p for p in clean.split("/") if p not in ("", ".", "..")]
        context = os.path.join(WEBAPPS, parts[0]) if parts else ""
        if parts and os.path.isdir(context):
            found = os.path.join(WEBAPPS, *parts)
        else:
            found = os.path.join(WEBAPPS, "ROOT", *parts)
        return found + ("/" if path.endswith("/") and os.path.isdir(found) else "")

    def list_directory(self, path: object) -> None:
        self.send_error(404)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        stamp = datetime.datetime.now().strftime("%d/%b/%Y:%H:%M:%S +0000")
        status = int(code) if not isinstance(code, str) else code
        line = f'{self.client_address[0]} - - [{stamp}] "{self.requestline}" {status} {size}'
        log_line("localhost_access_log", line)

    def log_message(self, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # without the reverse look-up of HTTPServer
        self.server_name, self.server_port = "tomcat", 8080


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    os.makedirs(LOGS, exist_ok=True)
    server = Server(("0.0.0.0", 8080), Handler)
    note('Starting ProtocolHandler ["http-nio-8080"]')
    note("Server startup in [100] milliseconds")
    server.serve_forever()


if sys.argv[1:] not in (["run"], ["start"]):
    sys.exit("usage: catalina.sh run")
main()
