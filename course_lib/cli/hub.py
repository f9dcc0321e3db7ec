"""``course hub``: a class on one server."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from course_lib import clients, lean
from course_lib.cli.progress import announce

Execute = Callable[[str, list[str], dict[str, str]], None]


def _become(program: str, words: list[str], environ: dict[str, str]) -> None:
    # What a shell starts in the background ignores SIGINT, and so do its children: JupyterHub,
    # which ends its services by that, would wait half a minute for each.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execve(program, words, environ)


def init(arguments: argparse.Namespace) -> int:
    """Write the folder of a class and say what comes next."""
    from course_lib.hub import create
    from course_lib.hub.folder import check_names, make_class
    from course_lib.hub.roster import read_students

    klass = make_class(
        {"course": arguments.course, "instructor": arguments.instructor}, "course hub init"
    )
    students = read_students(arguments.students)
    check_names(klass, students, arguments.students)
    hub = create.init(klass, students, arguments.directory)
    print(f"{hub.folder} is ready for {len(students)} students and {klass.instructor}")
    print(f"passwords  {hub.passwords_file} (root's alone; hand them out)")
    print(f"settings   {hub.folder / 'class.toml'}")
    print(f"start it   course hub run {hub.folder}")
    return 0


def run(arguments: argparse.Namespace, execute: Execute = _become) -> int:
    """Look whether all is well, make what is missing, and become JupyterHub."""
    from course_lib.hub import accounts, cgroups, checks, create
    from course_lib.hub.folder import open_hub

    hub = open_hub(arguments.directory)
    students = hub.students()
    checks.check_machine()
    checks.check_folder(hub)
    everybody = [hub.klass.grader, hub.klass.instructor, *(student.name for student in students)]
    accounts.check(hub, everybody)
    lock = checks.hold(hub)
    checks.check_ports(hub)
    client = clients.find() or clients.fetch(announce=announce)
    create.prepare(hub, client.path.resolve(), announce)
    if not cgroups.available():
        _note("no control groups here, so memory_mb is the limit of each process")
    if not accounts.limit_disk(hub, everybody[1:]):
        _note(
            f"the file system of {hub.folder} has no quotas, so disk_mb is the limit of each file"
        )
    # Held until JupyterHub ends; what JupyterHub starts does not inherit it.
    os.set_inheritable(lock.fileno(), True)
    environ = dict(os.environ)
    programs = str(Path(sys.executable).parent)
    environ["PATH"] = os.pathsep.join((programs, environ.get("PATH", os.defpath)))
    print(f"hub       http://{hub.klass.address}:{hub.klass.port}/", flush=True)
    os.chdir(hub.state)
    words = [*lean.command("jupyterhub"), "--config", str(hub.config_file)]
    execute(sys.executable, words, environ)
    return 0


def _note(text: str) -> None:
    print(f"course: {text}", file=sys.stderr)
