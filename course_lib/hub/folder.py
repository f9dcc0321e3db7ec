"""The folder of a class: where things are, and what ``class.toml`` says."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from course_lib import places
from course_lib.errors import NotOurWorkspace, UsageError
from course_lib.hub.roster import NAME, Student, read_students

CLASS_FILE = "class.toml"
COURSE_ID = re.compile(r"[a-z][a-z0-9_-]{0,22}\Z")
"""Shorter than a user's name: the grader's account is named after the course."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class as its ``class.toml`` says it is.

    :param address: where the hub is reached, with ``port``.
    :param hub_port: on 127.0.0.1, for the hub's own API; people's servers see it as well, so it
        is one that no lesson publishes. ``proxy_port`` and ``grader_port`` likewise.
    :param memory_mb: of one person's server with everything in it; ``processes`` likewise.
    :param disk_mb: of one person's files, where the file system has quotas; else of each file.
    :param idle_minutes: after which a server that nobody uses is stopped.
    :param engine_minutes: after which an engine without client and running container ends.
    """

    course: str
    instructor: str
    address: str = "127.0.0.1"
    port: int = 8000
    hub_port: int = 18081
    proxy_port: int = 18001
    grader_port: int = 18002
    memory_mb: int = 2048
    processes: int = 400
    disk_mb: int = 4096
    idle_minutes: int = 60
    engine_minutes: int = 20

    @property
    def ports(self) -> tuple[int, ...]:
        """All that it listens on."""
        return (self.port, self.hub_port, self.proxy_port, self.grader_port)

    @property
    def only_here(self) -> bool:
        """Whether only this machine reaches the hub: others come through a web server on it."""
        return self.address in ("localhost", "::1") or self.address.startswith("127.")

    @property
    def grader(self) -> str:
        """The Unix user who owns the course directory and runs the shared formgrader."""
        return f"grader-{self.course}"


@dataclass(frozen=True, slots=True)
class Hub:
    """A class and its folder."""

    folder: Path
    klass: Class

    @property
    def students_file(self) -> Path:
        return self.folder / "students.csv"

    @property
    def passwords_file(self) -> Path:
        return self.folder / "passwords.csv"

    @property
    def config_file(self) -> Path:
        return self.folder / "jupyterhub_config.py"

    @property
    def state(self) -> Path:
        """What JupyterHub keeps: its database, secrets, its proxy's number."""
        return self.folder / "state"

    @property
    def homes(self) -> Path:
        return self.folder / "home"

    @property
    def exchange(self) -> Path:
        return self.folder / "exchange"

    @property
    def jupyter(self) -> Path:
        """Settings of people's servers, one folder for each kind of person."""
        return self.folder / "jupyter"

    @property
    def programs(self) -> Path:
        """Comes first on everybody's ``PATH``."""
        return self.folder / "bin"

    @property
    def course_directory(self) -> Path:
        return self.home(self.klass.grader) / self.klass.course

    @property
    def label(self) -> str:
        """A name for it among the hubs of this machine."""
        return f"course-hub-{places.digest(self.folder)}"

    def home(self, name: str) -> Path:
        """The home of a person."""
        return self.homes / name

    def students(self) -> list[Student]:
        """The students.

        :raises UsageError: where the file is wrong, or names the instructor or the grader.
        """
        students = read_students(self.students_file)
        check_names(self.klass, students, self.students_file)
        return students


def open_hub(folder: Path) -> Hub:
    """The class of a folder.

    :raises NotOurWorkspace: where ``course hub init`` made none there.
    :raises UsageError: where ``class.toml`` says something that it must not.
    """
    folder = folder.absolute()
    path = folder / CLASS_FILE
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotOurWorkspace(f"{folder} holds no class", "make one: course hub init") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    return Hub(folder, make_class(document, str(path)))


def make_class(document: dict[str, Any], where: str) -> Class:
    """A class of what a file or a command line says.

    :raises UsageError: naming ``where`` and the first thing that is wrong.
    """
    known = {field.name: field for field in fields(Class)}
    for name, value in document.items():
        if name not in known:
            raise UsageError(f"{where}: there is no setting {name!r}", "see docs/hub.md")
        wanted = str if known[name].type == "str" else int
        if type(value) is not wanted or (isinstance(value, int) and value <= 0):
            kind = "a text" if wanted is str else "a whole number above 0"
            raise UsageError(f"{where}: {name} = {value!r} is not {kind}")
    missing = [name for name in ("course", "instructor") if not document.get(name)]
    if missing:
        raise UsageError(f"{where}: {missing[0]} is missing")
    klass = Class(**document)
    if not COURSE_ID.match(klass.course):
        raise UsageError(
            f"{klass.course!r} is no course id for a hub",
            "small letters, digits, '-' and '_', at most 23, as in docker-101",
        )
    if not NAME.match(klass.instructor):
        raise UsageError(
            f"{klass.instructor!r} is no user name for the instructor",
            "small letters, digits, '-' and '_', at most 31",
        )
    for port in klass.ports:
        if port > 65535:
            raise UsageError(f"{where}: {port} is no port")
    if len(set(klass.ports)) < len(klass.ports):
        raise UsageError(f"{where}: two of its ports are the same")
    if klass.instructor == klass.grader:
        raise UsageError(f"{klass.grader!r} is the name of the course's own account")
    return klass


def check_names(klass: Class, students: list[Student], where: Path) -> None:
    """:raises UsageError: where a student has the name of somebody else in the class."""
    for student in students:
        if student.name in (klass.instructor, klass.grader):
            who = "instructor" if student.name == klass.instructor else "course's own account"
            raise UsageError(f"{where}: {student.name!r} is the {who}", "remove it there")
