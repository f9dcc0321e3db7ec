"""Which parts of nbgrader and JupyterLab people have, as settings of their servers.

For a hub on one machine, and for a cluster's image: ``python -m course_lib.hub.extensions student
FOLDER`` writes a student's (``instructor``'s, ``grader``'s) there.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from course_lib.files import write_whole

SHELL = "/bin/bash"
OURS = Path(__file__).resolve().parents[1] / "jupyter"
"""What `course lab` adds to JupyterLab."""

EXTENSIONS = {
    # nbgrader's extensions, each with a part in the server and one in the page.
    "student": {"assignment_list", "validate_assignment", "menu"},
    # On one machine a server of the course's own account has the grader's.
    "instructor": {"course_list", "menu"},
    "grader": {"formgrader", "create_assignment", "validate_assignment", "menu"},
}
_ALL = set().union(*EXTENSIONS.values())
_WITHOUT_SERVER = {"create_assignment", "menu"}


def write_extensions(kind: str, folder: Path, *more: str) -> None:
    """Write a kind's settings into a folder of ``JUPYTER_CONFIG_PATH``.

    :param kind: one of :data:`EXTENSIONS`.
    :param more: further server extensions, modules.
    :raises OSError: where it cannot be written.
    """
    has = EXTENSIONS[kind]
    servers = {
        f"nbgrader.server_extensions.{name}": name in has for name in sorted(_ALL - _WITHOUT_SERVER)
    }
    server = {
        "ServerApp": {
            "jpserver_extensions": servers | dict.fromkeys(more, True),
            # What is said where a published port is dead.
            "extra_template_paths": [str(OURS / "templates")],
            # A login shell would set PATH anew, and the course's programs would be gone from it.
            "terminado_settings": {"shell_command": [SHELL]},
            # `lab.open` shows a published page in a frame of the notebook; nobody else frames it.
            "tornado_settings": {"headers": {"Content-Security-Policy": "frame-ancestors 'self'"}},
        },
        "LabApp": {"check_for_updates_class": "jupyterlab.NeverCheckForUpdate"},
    }
    _write(folder / "jupyter_server_config.json", server)
    disabled = {
        f"@jupyter/nbgrader:{name.replace('_', '-')}": name not in has for name in sorted(_ALL)
    }
    disabled["@jupyterlab/apputils-extension:announcements"] = True
    _write(folder / "labconfig" / "page_config.json", {"disabledExtensions": disabled})


def _write(path: Path, document: dict[str, Any]) -> None:
    write_whole(path, (json.dumps(document, indent=1) + "\n").encode())


if __name__ == "__main__":
    write_extensions(sys.argv[1], Path(sys.argv[2]))
