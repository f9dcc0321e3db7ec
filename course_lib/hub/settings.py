"""JupyterHub's settings for a class: what ``jupyterhub_config.py`` in its folder calls.

Names are those that nbgrader documents: the groups ``formgrade-ID`` and ``nbgrader-ID``, a service
with the course's id, an account ``grader-ID`` that owns the course directory.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from course_lib import lean
from course_lib.hub.checks import PROXY
from course_lib.hub.extensions import SHELL
from course_lib.hub.folder import Class, Hub, open_hub
from course_lib.hub.passwords import PasswordFileAuthenticator
from course_lib.hub.spawner import PersonSpawner

_MEGABYTE = 1024 * 1024
_CULL_EVERY = 60
_PATIENCE = 900
"""Seconds for a server to come up: a whole class may start at once, on a machine that just did."""
_IDLE = 300
"""Seconds; Caddy forgets idle connections after 120, nginx after 60."""
_SERVER = lean.command("jupyterhub.singleuser")
"""Jupyter's server of the hub."""
_WITH_THE_HUB = ["setpriv", "--pdeathsig", "TERM", "--"]
"""Before the commands of what ends with the hub, however that ends. People's servers do not."""


def configure(c: Any, folder: Path) -> None:
    """Fill in ``c``, the configuration object of a ``jupyterhub_config.py``.

    :raises CourseError: where the class in ``folder`` is not as it should be.
    """
    hub = open_hub(folder)
    students = [student.name for student in hub.students()]
    _hub(c, hub)
    _people(c, hub, students)
    _servers(c, hub)
    c.JupyterHub.services = [_formgrader(hub), _culler(hub)]


def _hub(c: Any, hub: Hub) -> None:
    klass = hub.klass
    c.JupyterHub.bind_url = f"http://{klass.address}:{klass.port}/"
    c.JupyterHub.hub_ip = "127.0.0.1"
    c.JupyterHub.hub_port = klass.hub_port
    c.JupyterHub.db_url = f"sqlite:///{hub.state}/jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = str(hub.state / "cookie_secret")
    c.JupyterHub.template_vars = {"announcement_login": f"Course {klass.course}"}
    c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{klass.proxy_port}"
    c.ConfigurableHTTPProxy.command = [*_WITH_THE_HUB, PROXY, *_proxy_words(klass)]
    c.ConfigurableHTTPProxy.pid_file = str(hub.state / "proxy.pid")


def _proxy_words(klass: Class) -> list[str]:
    """What the proxy does differently behind a web server.

    That one says how it was asked. Of several proxies Tornado believes the last, which was asked by
    ``http``: links would begin so, and cookies go unencrypted. And it uses connections again that
    were idle for minutes, which the proxy by default closes after five seconds: a request that
    meets the end of one is lost.
    """
    return ["--no-x-forward", f"--keep-alive-timeout={_IDLE * 1000}"] if klass.only_here else []


def _people(c: Any, hub: Hub, students: list[str]) -> None:
    klass = hub.klass
    c.JupyterHub.authenticator_class = PasswordFileAuthenticator
    c.PasswordFileAuthenticator.path = str(hub.passwords_file)
    c.Authenticator.allowed_users = {klass.instructor, *students}
    # Who was taken off the list does not come in because the hub remembers them.
    c.Authenticator.allow_existing_users = False
    c.Authenticator.admin_users = set()
    c.JupyterHub.load_groups = {
        "instructors": {"users": [klass.instructor]},
        f"formgrade-{klass.course}": {"users": [klass.instructor, klass.grader]},
        f"nbgrader-{klass.course}": {"users": students},
    }
    c.JupyterHub.load_roles = [
        {
            # JupyterHub's admin page: who is there, servers to start and stop. Not their inside.
            "name": "instructor",
            "groups": ["instructors"],
            "scopes": ["admin-ui", "list:users", "read:users", "servers", "read:servers"],
        },
        {
            "name": f"formgrade-{klass.course}",
            "groups": [f"formgrade-{klass.course}"],
            "scopes": [
                f"access:services!service={klass.course}",
                "list:services",
                f"read:services!service={klass.course}",
            ],
        },
        {
            "name": "culler",
            "services": ["culler"],
            "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        },
    ]


def _servers(c: Any, hub: Hub) -> None:
    klass = hub.klass
    c.JupyterHub.spawner_class = PersonSpawner
    c.PersonSpawner.label = hub.label
    c.PersonSpawner.settings_folder = str(hub.jupyter)
    c.PersonSpawner.programs_folder = str(hub.programs)
    c.PersonSpawner.instructor = klass.instructor
    c.PersonSpawner.engine_seconds = klass.engine_minutes * 60
    c.PersonSpawner.memory_bytes = klass.memory_mb * _MEGABYTE
    c.PersonSpawner.processes = klass.processes
    c.PersonSpawner.file_bytes = klass.disk_mb * _MEGABYTE
    c.Spawner.cmd = _SERVER
    c.Spawner.notebook_dir = "~/docker-course"
    c.Spawner.default_url = "/lab/tree/index.ipynb"
    c.Spawner.start_timeout = c.Spawner.http_timeout = _PATIENCE
    # What a server may ask of the hub in its person's name: nbgrader looks up courses and groups.
    c.Spawner.server_token_scopes = [
        "users:activity!user",
        "access:servers!server",
        "read:users:name!user",
        "read:users:groups!user",
        "list:services",
        f"read:services!service={klass.course}",
    ]


def _formgrader(hub: Hub) -> dict[str, Any]:
    klass = hub.klass
    environment = {
        "JUPYTER_CONFIG_PATH": str(hub.jupyter / "grader"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTERHUB_DEFAULT_URL": "/lab",
        "COURSE_ENGINE": "embedded",
        "HOME": str(hub.home(klass.grader)),
        "SHELL": SHELL,
    }
    return {
        "name": klass.course,
        "url": f"http://127.0.0.1:{klass.grader_port}",
        "command": [*_WITH_THE_HUB, *_SERVER],
        "user": klass.grader,
        "cwd": str(hub.home(klass.grader)),
        "environment": environment,
        "oauth_no_confirm": True,
        # By default ten seconds, and a hub whose service takes longer ends.
        "timeout": _PATIENCE,
    }


def _culler(hub: Hub) -> dict[str, Any]:
    seconds = hub.klass.idle_minutes * 60
    return {
        "name": "culler",
        "command": [
            *_WITH_THE_HUB,
            *(sys.executable, "-m", "jupyterhub_idle_culler"),
            *(f"--timeout={seconds}", f"--cull-every={min(_CULL_EVERY, seconds)}"),
        ],
    }
