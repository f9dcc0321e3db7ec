"""What ``course hub init`` writes, and what a class needs before it can run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_lib.errors import CourseError, NotOurWorkspace
from course_lib.files import write_whole
from course_lib.hub import accounts
from course_lib.hub.extensions import EXTENSIONS, write_extensions
from course_lib.hub.folder import CLASS_FILE, Class, Hub
from course_lib.hub.roster import Student, complete_passwords, write_students

_CLASS = """\
# The class, as `course hub run` starts it. Stop the hub, change what you like, run it again.

course = "{course}"
instructor = "{instructor}"

# Where the hub answers. On 127.0.0.1 only this machine reaches it: put a web server with a
# certificate before it, as docs/hub.md shows.
address = "{address}"
port = {port}

# For each person's server, engine and programs together.
memory_mb = {memory_mb}
processes = {processes}
# For each person's files together, where the file system of this folder has quotas; else for each.
disk_mb = {disk_mb}

# A server that nobody uses stops, an engine without client and running container ends.
idle_minutes = {idle_minutes}
engine_minutes = {engine_minutes}
"""

_CONFIG = '''\
"""JupyterHub's configuration for this class. Made by `course hub init`.

What the course needs is in course_lib/hub/settings.py. Below, anything else that JupyterHub knows.
"""

from pathlib import Path

from course_lib.hub.settings import configure

c = get_config()  # noqa: F821
configure(c, Path(__file__).resolve().parent)
'''

_NBGRADER = '''\
"""nbgrader's configuration for {whom} of this hub. Made by `course hub init`."""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {course!r}
c.Exchange.root = {exchange!r}
'''

_BY_GROUPS = """\
# Who is in which course is told by the hub's groups nbgrader-ID and formgrade-ID.
c.Authenticator.plugin_class = "nbgrader.auth.JupyterHubAuthPlugin"
"""

_FOR_GRADER = """\
c.ExchangeFactory.collect = "course_lib.hub.collecting.CarefulCollect"
load_subconfig("nbgrader_config.py", path={directory!r})  # noqa: F821
"""

LISTENING = "course_lib.hub.listening"
"""The extension by which a person's server answers the proxy."""

_DOCKER = """\
#!/bin/sh
# The docker command of a person on the hub: the engine starts with the first use.
# A running engine holds this lock, however the last one ended.
lock=$HOME/.local/share/docker-course/engine/engine.lock
if [ "$COURSE_ENGINE" = embedded ]; then
    flock --nonblock --shared --conflict-exit-code 9 "$lock" true 2>/dev/null
    [ $? = 9 ] || {course} engine start >/dev/null || exit
fi
exec {docker} "$@"
"""


def init(klass: Class, students: list[Student], folder: Path) -> Hub:
    """Write a class into a new or empty folder.

    :raises NotOurWorkspace: where something is there.
    :raises CourseError: where it cannot be written.
    """
    hub = Hub(folder.absolute(), klass)
    if folder.is_dir():
        if (folder / CLASS_FILE).exists():
            raise NotOurWorkspace(
                f"{folder} holds a class already; nothing was changed",
                f"run it: course hub run {folder}",
            )
        if any(folder.iterdir()):
            raise NotOurWorkspace(
                f"{folder} is not empty; nothing was changed", "name a new directory"
            )
    elif folder.exists() or folder.is_symlink():
        raise NotOurWorkspace(f"{folder} is no directory", "name a new directory")
    try:
        hub.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        write_students(hub.students_file, students)
        hub.students_file.chmod(0o600)
        complete_passwords(
            hub.passwords_file, [klass.instructor, *(student.name for student in students)]
        )
        write_whole(hub.config_file, _CONFIG.encode())
        values = {name: getattr(klass, name) for name in Class.__dataclass_fields__}
        # Last: what is not complete is no class.
        write_whole(hub.folder / CLASS_FILE, _CLASS.format(**values).encode())
    except OSError as error:
        raise CourseError(
            f"{error.filename or folder} cannot be written: {error.strerror}"
        ) from None
    return hub


def prepare(hub: Hub, docker: Path, announce: Callable[[str], None]) -> None:
    """Make what is missing of a class: settings, accounts, homes, exchange, course directory.

    :raises CourseError: with what could not be made.
    """
    klass, students = hub.klass, hub.students()
    names = [klass.instructor, *(student.name for student in students)]
    try:
        complete_passwords(hub.passwords_file, names)
        hub.state.mkdir(mode=0o700, exist_ok=True)
        hub.homes.mkdir(mode=0o711, exist_ok=True)
        _write_settings(hub, docker)
        accounts.make(hub, [klass.grader, *names], announce)
        _make_exchange(hub)
    except OSError as error:
        raise CourseError(f"{error.filename} cannot be written: {error.strerror}") from None
    announce("the course directory and its grade book")
    _fill_course_directory(hub, students)


def _write_settings(hub: Hub, docker: Path) -> None:
    # (nbgrader takes its time to be imported.)
    from course_lib.hub.first_page import first_page

    words = {"course": hub.klass.course, "exchange": str(hub.exchange)}
    for kind in EXTENSIONS:
        text = _NBGRADER.format(whom=f"the {kind}s", **words)
        if kind == "grader":
            text += _FOR_GRADER.format(directory=str(hub.course_directory))
        else:
            text += _BY_GROUPS
        folder = hub.jupyter / kind
        write_whole(folder / "nbgrader_config.py", text.encode())
        # (The course's own server is none of a person's, and no socket is handed to it.)
        more = () if kind == "grader" else (LISTENING,)
        write_extensions(kind, folder, *more)
    write_whole(hub.jupyter / "index.ipynb", first_page())
    program = hub.programs / "docker"
    ours = Path(sys.executable).with_name("course")
    write_whole(
        program, _DOCKER.replace("{course}", str(ours)).replace("{docker}", str(docker)).encode()
    )
    program.chmod(0o755)


def _make_exchange(hub: Hub) -> None:
    """As nbgrader makes it, in advance and with the sticky bit: nobody moves what is another's."""
    import pwd

    grader = pwd.getpwnam(hub.klass.grader)
    course_folder = hub.exchange / hub.klass.course
    for folder, mode in (
        (hub.exchange, 0o1777),
        (course_folder, 0o755),
        (course_folder / "outbound", 0o755),
        (course_folder / "inbound", 0o3733),
        (course_folder / "feedback", 0o711),
    ):
        if folder.is_dir():
            continue
        folder.mkdir()
        if folder != hub.exchange:
            os.chown(folder, grader.pw_uid, grader.pw_gid)
        folder.chmod(mode)


def _fill_course_directory(hub: Hub, students: list[Student]) -> None:
    document = {
        "directory": str(hub.course_directory),
        "course": hub.klass.course,
        "exchange": str(hub.exchange),
        "students": [
            {
                "id": student.name,
                "first_name": student.first_name or None,
                "last_name": student.last_name or None,
                "email": student.email or None,
            }
            for student in students
        ],
    }
    # As the user whose directory it is: root follows nobody's links.
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.hub.course_directory"],
        input=json.dumps(document),
        user=hub.klass.grader,
        group=hub.klass.grader,
        extra_groups=[],
        cwd=hub.home(hub.klass.grader),
        env={
            **os.environ,
            "HOME": str(hub.home(hub.klass.grader)),
            "TMPDIR": tempfile.gettempdir(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise CourseError(f"the course directory cannot be made: {lines[-1]}")
