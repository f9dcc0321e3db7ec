"""Showing the page behind a published port inside JupyterLab, through jupyter-server-proxy."""

from __future__ import annotations

import http.client
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape, unescape
from pathlib import Path

from course_lib.errors import DeadPort, UsageError
from course_lib.showing import Exhibit
from course_lib.topology import Topology

PATIENCE_SECONDS = 3.0
START_SECONDS = 10.0
"""A server that was started a moment ago may need this long until it listens."""
ANSWER_SECONDS = 30.0
"""And one that listens this long until it answers: it may be looking for a name first."""


@dataclass(frozen=True, slots=True)
class Page:
    """What ``GET /`` on a port of this machine answered."""

    port: int
    status: int
    reason: str
    title: str

    def __str__(self) -> str:
        title = f": {self.title}" if self.title else ""
        return (
            f"http://localhost:{self.port}/ \N{RIGHTWARDS ARROW} {self.status} {self.reason}{title}"
        )


class NotHttp(Exception):
    """Something answers there, but it does not speak HTTP."""


def find_port(wanted: int | str, topology: Topology) -> int:
    """The host port that a number, ``host:port`` or the name of a container means.

    :raises UsageError: for anything else.
    :raises DeadPort: for a container that publishes nothing.
    """
    text = str(wanted).strip()
    container = topology.container(text) if not text.isdigit() else None
    if container is not None:
        if not container.ports:
            state = "" if container.running else f" (it is {container.state})"
            raise DeadPort(
                f"the container {container.name} publishes no port{state}",
                f"see `docker port {container.name}` and `docker ps -a`",
            )
        return container.ports[0].host_port
    digits = text.rpartition(":")[2]
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits) < 65536):
        raise UsageError(
            f"{text!r} is neither a port (1 to 65535) nor a container", "see `docker ps`"
        )
    return int(digits)


def fetch(
    port: int,
    *,
    patience: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Page:
    """Ask for ``/`` on a port of this machine, again for a while where nothing answers yet.

    :raises OSError: where nothing answered in time.
    :raises NotHttp: where something answered that is no HTTP.
    """
    deadline = clock() + patience
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", "/", headers={"Accept": "text/html"})
            response = connection.getresponse()
            body = response.read(65536).decode("utf-8", "replace")
            return Page(port, response.status, response.reason, _title(body))
        except ConnectionError:
            if clock() >= deadline:
                raise
        except http.client.HTTPException as error:
            raise NotHttp(str(error)) from None
        finally:
            connection.close()
        sleep(0.05)


def patience_for(port: int, topology: Topology) -> float:
    """Seconds to wait for an answer: long where a container that runs may still be starting."""
    starting = any(c.running for c in topology.containers for p in c.ports if p.host_port == port)
    return START_SECONDS if starting else PATIENCE_SECONDS


def explain(port: int, topology: Topology, error: Exception) -> DeadPort:
    """Why nothing came from that port, by what the engine knows of it."""
    holder = next((c for c in topology.containers for p in c.ports if p.host_port == port), None)
    if holder is None:
        published = ", ".join(
            f"{p.host_port} ({c.name})" for c in topology.containers for p in c.ports
        )
        stopped = ", ".join(c.name for c in topology.containers if not c.running)
        hint = f"published now: {published}" if published else "no port is published now"
        if stopped:
            hint += f"; not running: {stopped}"
        if isinstance(error, NotHttp):
            return DeadPort(f"what answers on port {port} is no web server", hint)
        return DeadPort(f"nothing answers on port {port}: no container publishes it", hint)
    inner = next(p.container_port for p in holder.ports if p.host_port == port)
    if not holder.running:
        return DeadPort(
            f"nothing answers on port {port}: the container {holder.name} is {holder.state}",
            f"see `docker logs {holder.name}`",
        )
    if isinstance(error, NotHttp):
        return DeadPort(
            f"{holder.name} answers on port {port}, but it is no web server",
            "try it with `nc` or the program's own client",
        )
    if isinstance(error, TimeoutError):
        return DeadPort(
            f"{holder.name} takes connections on port {port}, but has not answered for "
            f"{ANSWER_SECONDS:.0f} s",
            f"see `docker logs {holder.name}`",
        )
    return DeadPort(
        f"{holder.name} publishes port {port}, but nothing in it answers on its port {inner}",
        f"see `docker logs {holder.name}`",
    )


def server_base_url(environ: Mapping[str, str] = os.environ, parent: int | None = None) -> str:
    """The URL path of the Jupyter server that this kernel belongs to: ``/``, ``/user/ann/`` ….

    A hub says it in the environment; elsewhere the server is this process's parent and has
    written it into its runtime file.
    """
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if not prefix:
        from jupyter_core.paths import jupyter_runtime_dir

        name = f"jpserver-{os.getppid() if parent is None else parent}.json"
        try:
            prefix = json.loads((Path(jupyter_runtime_dir()) / name).read_text())["base_url"]
        except (OSError, ValueError, KeyError, TypeError):
            prefix = "/"
    return f"/{str(prefix).strip('/')}/".replace("//", "/")


def framed(page: Page, base_url: str, height: int = 320) -> Exhibit:
    """The page in a frame, with a link; the text says what it answered."""
    url = escape(f"{base_url}proxy/{page.port}/", quote=True)
    head = "font:13px/1.6 system-ui,sans-serif;color:var(--jp-ui-font-color1,#444)"
    return Exhibit(
        str(page),
        f'<div style="{head}"><a href="{url}" target="_blank" '
        f'rel="noopener">localhost:{page.port}</a> \N{RIGHTWARDS ARROW} {page.status} '
        f"{escape(page.reason)}</div>"
        f'<iframe src="{url}" title="Page on port {page.port}" width="100%" height="{height}" '
        'style="border:1px solid #bbb;border-radius:4px;background:#fff"></iframe>',
    )


def _title(html: str) -> str:
    match = re.search(r"<title[^>]*>(.*?)</title>", html, re.IGNORECASE | re.DOTALL)
    return " ".join(unescape(match.group(1)).split())[:100] if match else ""
