"""``course lab``: the main job."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from course_lib import clients, connect, lean
from course_lib.catalog import course
from course_lib.cli.progress import announce
from course_lib.errors import ClientMissing, CourseError, PortInUse
from course_lib.workspace import Workspace, prepare

SETTINGS = Path(".docker-course") / "jupyter"
OURS = Path(__file__).resolve().parents[1] / "jupyter"
FIRST_PORT = 8890
PORTS_TRIED = 60
Execute = Callable[[str, list[str], dict[str, str], Path], None]


def become(program: str, words: list[str], environ: dict[str, str], folder: Path) -> None:
    """Go on as another program in that folder, where the terminals of JupyterLab begin, too."""
    os.chdir(folder)
    os.execve(program, words, environ)


def run(arguments: argparse.Namespace, execute: Execute = become) -> int:
    """Prepare everything, then become JupyterLab, or the command that is to run instead."""
    if find_spec("jupyterlab") is None:
        raise CourseError("JupyterLab is not installed here", "pip install jupyterlab")
    port = choose_port(
        arguments.port, {port for lesson in course().lessons() for port in lesson.ports}
    )
    workspace = prepare(arguments.directory, announce=announce)
    _tell_files(workspace)
    engine = connect.connect(arguments.engine, announce=announce)
    if arguments.engine in ("embedded", "docker"):
        connect.remember(arguments.engine)
    environ = {**os.environ, **engine.environment(), "JUPYTER_PREFER_ENV_PATH": "1"}
    _add_client(environ)
    _add_programs(environ)
    _add_settings(workspace, environ)
    print(f"workspace {workspace.folder}")
    print(f"engine    {engine.label} (API {engine.api_version}), {engine.why}")
    print(f"          DOCKER_HOST={engine.host}", flush=True)
    words = arguments.exec or jupyter_words(port, arguments.no_browser)
    program = shutil.which(words[0], path=environ.get("PATH"))
    if program is None:
        raise CourseError(f"there is no command {words[0]}")
    execute(program, words, environ, workspace.folder)
    return 0


def choose_port(wanted: int | None, reserved: Collection[int]) -> int:
    """The port for JupyterLab: the one asked for, or a free one that no lesson needs.

    :raises PortInUse: where it is taken.
    """
    if wanted is not None:
        if wanted and not _is_free(wanted):
            raise PortInUse(f"port {wanted} is taken", "name another with --port")
        return wanted
    for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        if port not in reserved and _is_free(port):
            return port
    return 0


def jupyter_words(port: int, no_browser: bool) -> list[str]:
    """JupyterLab's command line; what else it has to know is in :func:`settings`."""
    words = [
        *lean.command("jupyterlab"),
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        # The addresses are printed all the same.
        "--ServerApp.log_level=WARN",
    ]
    if no_browser:
        words.append("--no-browser")
    if os.geteuid() == 0:
        words.append("--allow-root")
    return words


def settings(workspace: Workspace, environ: dict[str, str]) -> dict[str, dict[str, object]]:
    """What any Jupyter server is to know that serves this workspace, by its classes."""
    first = f"/lab/tree/{workspace.first.as_posix()}"
    return {
        "ServerApp": {
            "root_dir": str(workspace.folder),
            "default_url": first,
            # Ctrl-C means it: the notebooks are saved, and the engine runs on.
            "answer_yes": True,
            # A login shell would set PATH anew, and the course's programs would be gone from it.
            "terminado_settings": {"shell_command": [_shell(environ)]},
            "extra_template_paths": [str(OURS / "templates")],
        },
        "LabApp": {
            "default_url": first,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
    }


def _tell_files(workspace: Workspace) -> None:
    if workspace.updated:
        print(f"updated to the newest release: {', '.join(map(str, workspace.updated))}")
    for changed, beside in workspace.beside.items():
        print(f"you changed {changed}; its newest release lies beside it: {beside}")


def _add_settings(workspace: Workspace, environ: dict[str, str]) -> None:
    """JupyterLab as a student wants it: no news over the lesson, no instructor's menus."""
    own = workspace.folder / SETTINGS
    own.mkdir(parents=True, exist_ok=True)
    text = json.dumps(settings(workspace, environ), indent=1)
    (own / "jupyter_server_config.json").write_text(text, encoding="utf-8")
    known = environ.get("JUPYTER_CONFIG_PATH", "")
    environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, (known, str(own), str(OURS))))
    # A student's own stays; without ours, a check that runs first says no more than Python does.
    environ.setdefault("PYTHONSTARTUP", str(OURS / "startup.py"))


def _add_client(environ: dict[str, str]) -> None:
    """Put a docker command on PATH; without one the lessons open all the same, and say so."""
    client = clients.find(environ)
    try:
        client = client or clients.fetch(environ, announce)
    except ClientMissing as error:
        print(f"course: {error}", file=sys.stderr)
        return
    clients.put_on_path(client, environ)


def _add_programs(environ: dict[str, str]) -> None:
    """`course` and `jupyter` in a terminal of the lab, also where nobody activated the venv."""
    folder = str(Path(sys.executable).parent)
    known = environ.get("PATH", os.defpath)
    if folder not in known.split(os.pathsep):
        environ["PATH"] = os.pathsep.join((folder, known))


def _shell(environ: dict[str, str]) -> str:
    shell = environ.get("SHELL", "")
    return shell if shell.startswith("/") and os.access(shell, os.X_OK) else "/bin/sh"


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
