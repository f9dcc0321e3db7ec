"""What a run of the tests leaves on the real daemons that it uses."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping

from tests.contract.rawhttp import RawClient
from tests.reference.dockerd import RELEASES, find_daemon

Things = Mapping[str, set[str]]
"""By the socket of a daemon: a line for each thing there."""

SECONDS = 20.0
_OWN_NETWORKS = {"bridge", "host", "none", "docker_gwbridge", "ingress"}
"""Those that a daemon makes for itself, the last two where swarm mode begins."""
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")


def standing() -> Things:
    """What stands on the daemons that answer: containers, networks, volumes that have a name."""
    named = os.environ.get("COURSE_TEST_DOCKERD", "").removeprefix("unix://")
    sockets = {named} - {""} | {str(find_daemon(release).socket) for release in RELEASES}
    found = {}
    for socket in sockets:
        try:
            found[socket] = _on(RawClient(socket))
        except OSError:
            continue
    return found


def _on(raw: RawClient) -> set[str]:
    containers = raw.get("/containers/json", params={"all": "1"}, version="").json()
    networks = {row["Name"] for row in raw.get("/networks", version="").json()} - _OWN_NETWORKS
    volumes = raw.get("/volumes", version="").json()["Volumes"] or ()
    return {
        *(f"container {row['Names']} {row['Image']} {row['Command']}" for row in containers),
        *(f"network {name}" for name in networks),
        *(f"volume {v['Name']}" for v in volumes if not _ANONYMOUS.fullmatch(v["Name"])),
    }


def left(before: Things) -> list[str]:
    """What came since ``before`` and does not go by itself soon, as after ``docker run --rm``.

    Daemons that did not answer then are left out.
    """
    deadline = time.monotonic() + SECONDS
    while True:
        now = standing()
        found = [
            f"{socket}: {thing}"
            for socket, stood in sorted(before.items())
            for thing in sorted(now.get(socket, set()) - stood)
        ]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)
