"""A web server with a certificate before a hub, as docs/hub.md says: people come by ``https``."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from certipy import Certipy

from course_lib.hub.checks import PROXY
from tests.contract.harness import free_port, until
from tests.deploy.processes import end_group


@dataclass(frozen=True, slots=True)
class Front:
    """Where people reach the hub, and what trusts the certificate there."""

    base: str
    trust: ssl.SSLContext


@contextlib.contextmanager
def front(target: str, folder: Path) -> Iterator[Front]:
    """Serve ``target`` under ``https``, with a certificate of an authority of its own.

    What is before a hub may be any server; here it is the one that a hub needs anyway, which tells
    the next one by ``X-Forwarded-Proto`` that it was asked by ``https``, as Caddy does.
    """
    maker = Certipy(store_dir=str(folder / "certificates"))
    maker.create_ca("authority", overwrite=True)
    made = maker.create_signed_pair("front", "authority", alt_names=["IP:127.0.0.1"])["files"]
    authority = maker.store.get_record("authority")["files"]["cert"]
    port, other = free_port(), free_port()
    words = ["--ip=127.0.0.1", f"--port={port}", "--api-ip=127.0.0.1", f"--api-port={other}"]
    words += [f"--ssl-key={made['key']}", f"--ssl-cert={made['cert']}", "--log-level=error"]
    process = subprocess.Popen(
        [PROXY, *words, f"--default-target={target}"],
        env=os.environ | {"CONFIGPROXY_AUTH_TOKEN": "nobody's"},
        start_new_session=True,
    )
    try:
        until(lambda: process.poll() is not None or _listens(port))
        assert process.poll() is None, "the front did not start"
        yield Front(f"https://127.0.0.1:{port}", ssl.create_default_context(cafile=authority))
    finally:
        end_group(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
