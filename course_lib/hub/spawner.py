"""Starts people's servers: as Unix users, in namespaces of their own, within their limits."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
from jupyterhub.app import JupyterHub
from jupyterhub.spawner import LocalProcessSpawner
from tornado.httpserver import HTTPServer
from traitlets import Instance, Integer, Unicode

from course_lib import places
from course_lib.hub import namespace
from course_lib.hub.cgroups import Cgroup
from course_lib.hub.checks import PRIVATE
from course_lib.hub.extensions import OURS
from course_lib.hub.listening import DESCRIPTOR

RUNTIME = Path("/tmp/run")
"""For sockets, in each person's own ``/tmp``: made by ``enter.sh``."""


class PersonSpawner(LocalProcessSpawner):
    """A Unix user's server in a world of its own: network, processes, ``/tmp``.

    What it publishes, listens on or starts is out of everybody else's reach, and all of it ends
    with the server. A hub that was killed finds the servers again that it had started.
    """

    label = Unicode(help="of this hub's control groups").tag(config=True)
    settings_folder = Unicode(help="Jupyter settings, a folder for each kind of person").tag(
        config=True
    )
    programs_folder = Unicode(help="comes first on PATH").tag(config=True)
    instructor = Unicode(help="whose server also lists the course").tag(config=True)
    engine_seconds = Integer(0, help="an idle engine ends after that long").tag(config=True)
    memory_bytes = Integer(help="of all that a person runs").tag(config=True)
    processes = Integer(400, help="of all that a person runs").tag(config=True)
    file_bytes = Integer(help="of one file").tag(config=True)
    _door = Instance(HTTPServer, allow_none=True)
    """The hub's API inside of the namespace."""

    async def start(self) -> tuple[str, int]:
        """Start the server; where the proxy reaches it."""
        self.log.info("Starting the server of %s", self.user.name)
        self.proc = self._launch()
        self.pid = self.proc.pid
        return "127.0.0.1", self.port

    def _launch(self) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            inside = namespace.make(self.hub.port)
            stack.callback(os.close, inside.descriptor)
            self._open_door(inside.listener)
            outside = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            self.port = outside.getsockname()[1]
            return subprocess.Popen(
                [*self._words(inside.descriptor), *self.cmd, *self.get_args()],
                env=self.get_env() | {DESCRIPTOR: str(outside.fileno())},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                pass_fds=(inside.descriptor, outside.fileno()),
            )

    def _words(self, descriptor: int) -> list[str]:
        user = self.user.name
        return [
            # (The process moves itself: everything that it starts is in the group then.)
            *Cgroup.of(user, self.label).joined(self.memory_bytes, self.processes),
            *("nsenter", f"--net=/proc/self/fd/{descriptor}", "--"),
            *("unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"),
            *("--", "/bin/sh", str(namespace.ENTER), user, pwd.getpwnam(user).pw_dir),
            *(str(self.processes), str(self.file_bytes)),
            str(Path(self.settings_folder) / "index.ipynb"),
            _course_in_private_folder(),
        ]

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        """What a person's programs find in their environment."""
        env = super().user_env(env)
        person = pwd.getpwnam(self.user.name)
        kind = "instructor" if person.pw_name == self.instructor else "student"
        state = places.default_state({"HOME": person.pw_dir})
        path = [self.programs_folder, str(Path(sys.executable).parent), env.get("PATH", os.defpath)]
        env |= {
            "LOGNAME": person.pw_name,
            "XDG_RUNTIME_DIR": str(RUNTIME),
            "PATH": os.pathsep.join(path),
            "JUPYTER_CONFIG_PATH": os.pathsep.join(
                (str(Path(self.settings_folder) / kind), str(OURS))
            ),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "PYTHONSTARTUP": str(OURS / "startup.py"),
            "COURSE_ENGINE": "embedded",
            "COURSE_ENGINE_IDLE": str(self.engine_seconds),
            # Where the engine will listen once something needs it.
            "DOCKER_HOST": f"unix://{places.socket_in(RUNTIME, state)}",
        }
        return env

    def _open_door(self, listener: socket.socket) -> None:
        self._close_door()
        self._door = HTTPServer(JupyterHub.instance().tornado_application)
        self._door.add_socket(listener)

    def _close_door(self) -> None:
        if self._door is not None:
            self._door.stop()
            self._door = None

    def load_state(self, state: dict[str, Any]) -> None:
        """Find a server again that an earlier hub started."""
        super().load_state(state)
        first = self._first_process()
        if first:
            self._open_door(namespace.enter(first, self.hub.port).listener)

    def clear_state(self) -> None:
        """Forget the server that ended."""
        self._close_door()
        super().clear_state()

    def _first_process(self) -> int:
        """The process that is the first one in its world; 0 where there is none."""
        with contextlib.suppress(psutil.Error, OSError):
            for child in psutil.Process(self.pid).children() if self.pid else ():
                if not namespace.same(child.pid):
                    return int(child.pid)
        return 0

    async def _signal(self, sig: int) -> bool:
        """Signals go to the first process, which ends the others in order."""
        first = self._first_process() if sig in (signal.SIGINT, signal.SIGTERM) else 0
        if first:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, sig)
        alive: bool = await super()._signal(0 if first else sig)
        return alive


def _course_in_private_folder() -> str:
    """The folder with the course's environment and code, where everybody has their own of it."""
    code = Path(__file__).resolve().parents[2]
    common = Path(os.path.commonpath([code, sys.prefix]))
    return str(common) if any(str(parent) in PRIVATE for parent in common.parents) else ""
