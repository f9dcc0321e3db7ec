"""Extension of a person's Jupyter server: it answers the hub's proxy on an inherited socket.

The server itself listens in its own network namespace, where no proxy is; see
:mod:`course_lib.hub.namespace`.
"""

from __future__ import annotations

import os
import socket
from typing import Any

DESCRIPTOR = "COURSE_HUB_SOCKET"
"""Environment variable with the number of the inherited socket."""


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: Any) -> None:
    """Nothing to do before the server runs."""


async def _start_jupyter_server_extension(server: Any) -> None:
    """Called once the server runs."""
    # Not for kernels, terminals and what they start.
    number = os.environ.pop(DESCRIPTOR, "")
    if number:
        listener = socket.socket(fileno=int(number))
        os.set_inheritable(listener.fileno(), False)
        listener.setblocking(False)
        server.http_server.add_socket(listener)
