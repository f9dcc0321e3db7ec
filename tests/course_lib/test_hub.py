"""A class's folder and list: what is written, and what is refused before anything starts."""

from __future__ import annotations

import csv
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.catalog import course
from course_lib.errors import CourseError, NotOurWorkspace, PortInUse, UsageError
from course_lib.hub import accounts, cgroups, checks, create
from course_lib.hub.first_page import first_page
from course_lib.hub.folder import Class, Hub, make_class, open_hub
from course_lib.hub.roster import (
    Student,
    complete_passwords,
    read_passwords,
    read_students,
    write_students,
)
from tests.contract.harness import free_port

KLASS = Class("docker-101", "ines")


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    return create.init(KLASS, [Student("anna"), Student("ben")], tmp_path / "class")


def listed(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_students_are_names_or_a_table(tmp_path: Path) -> None:
    assert read_students(listed(tmp_path, "anna\n\n# two more\nben\r\ncleo")) == [
        Student("anna"),
        Student("ben"),
        Student("cleo"),
    ]
    table = '\ufeffemail,name,last_name\n"a@x.org",anna,"O\'Hara, jr."\n,ben\n'
    assert read_students(listed(tmp_path, table)) == [
        Student("anna", last_name="O'Hara, jr.", email="a@x.org"),
        Student("ben"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("anna\nben\nanna\n", "line 3: 'anna' stands in line 1 already"),
        ("Anna\n", "line 1: 'Anna' has capital letters; write 'anna'"),
        ("anna@example.org\n", "line 1: 'anna@example.org' is an address"),
        ("../etc\n", "line 1: '../etc' is no user name"),
        ("zoë\n", "line 1: 'zoë' is no user name"),
        ("a;reboot\n", "is no user name"),
        ("1a\n", "is no user name"),
        ("a" * 32, "is no user name"),
        ("name,email\n,x@y.org\n", "line 2: there is no name"),
        ("name\nanna,x\n", "line 2 has 2 fields, not 1"),
        ("name,phone\nanna,1\n", "unknown column 'phone'"),
        ("name,name\nanna,1\n", "a column stands there twice"),
        ("anna,Anna Adams\n", "the first line does not name the columns"),
        ("A\nB\nC\nD\nE\n", "; and 2 more"),
        ("\n# nobody\n", "names no student"),
        (b"name\nzo\xeb\n", "is not UTF-8 text"),
    ],
)
def test_what_is_wrong_with_a_students_file_is_said(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read_students(listed(tmp_path, text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_class_of_five_hundred(tmp_path: Path) -> None:
    students = [Student(f"s{number:03}") for number in range(500)]
    made = create.init(KLASS, students, tmp_path / "class")
    assert made.students() == students
    passwords = read_passwords(made.passwords_file)
    assert len(set(passwords.values())) == 501


def test_names_of_the_class_are_different_people(tmp_path: Path, hub: Hub) -> None:
    write_students(hub.students_file, [Student("ines")])
    with pytest.raises(UsageError, match="'ines' is the instructor"):
        hub.students()
    write_students(hub.students_file, [Student("grader-docker-101")])
    with pytest.raises(UsageError, match="is the course's own account"):
        hub.students()


@pytest.mark.parametrize(
    ("course", "instructor", "words"),
    [
        ("Docker 101", "ines", "'Docker 101' is no course id"),
        ("d" * 24, "ines", "is no course id"),
        ("docker", "Ines", "'Ines' is no user name"),
        ("docker", "", "instructor is missing"),
        ("docker", "grader-docker", "is the name of the course's own account"),
    ],
)
def test_words_of_a_class_are_looked_at(course: str, instructor: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        make_class({"course": course, "instructor": instructor}, "here")
    assert words in str(caught.value)


def test_init_writes_private_passwords_and_overwrites_nothing(hub: Hub) -> None:
    for path in (hub.passwords_file, hub.students_file):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = {path: path.read_bytes() for path in hub.folder.rglob("*") if path.is_file()}
    with pytest.raises(NotOurWorkspace, match="holds a class already; nothing was changed"):
        create.init(KLASS, [Student("eve")], hub.folder)
    assert before == {path: path.read_bytes() for path in hub.folder.rglob("*") if path.is_file()}
    with pytest.raises(NotOurWorkspace, match="is not empty; nothing was changed"):
        create.init(KLASS, [Student("eve")], hub.folder.parent)
    with pytest.raises(NotOurWorkspace, match="is no directory"):
        create.init(KLASS, [Student("eve")], hub.passwords_file)


def test_passwords_stay_and_newcomers_get_one(hub: Hub) -> None:
    before = read_passwords(hub.passwords_file)
    after = complete_passwords(hub.passwords_file, ["anna", "late"])
    assert {name: after[name] for name in before} == before
    assert len(after["late"]) == 12
    assert stat.S_IMODE(hub.passwords_file.stat().st_mode) == 0o600
    assert read_passwords(hub.passwords_file) == after
    with hub.passwords_file.open("a") as file:
        file.write("half\n")
    with pytest.raises(UsageError, match="line 6 is not `name,password`"):
        read_passwords(hub.passwords_file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("port = 70000", "70000 is no port"),
        ('port = "8000"', "port = '8000' is not a whole number above 0"),
        ("processes = 0", "processes = 0 is not a whole number"),
        ("processes = true", "is not a whole number"),
        ("hub_port = 8000", "two of its ports are the same"),
        ("colour = 1", "there is no setting 'colour'"),
        ("port =", "cannot be read"),
    ],
)
def test_settings_of_a_class_are_looked_at(hub: Hub, line: str, words: str) -> None:
    path = hub.folder / "class.toml"
    key = line.partition(" ")[0]
    kept = [old for old in path.read_text().splitlines() if not old.startswith(f"{key} =")]
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(UsageError) as caught:
        open_hub(hub.folder)
    assert words in str(caught.value)


def test_folder_without_a_class_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotOurWorkspace, match="holds no class"):
        open_hub(tmp_path)


def test_name_of_a_user_of_this_machine_is_not_taken(hub: Hub) -> None:
    with pytest.raises(UsageError, match="there is a user root on this machine already"):
        accounts.check(hub, ["anna", "root"])


def test_port_in_use_is_named(hub: Hub) -> None:
    ports: dict[str, Any] = {
        name: free_port() for name in ("port", "hub_port", "proxy_port", "grader_port")
    }
    taken = Hub(hub.folder, Class("docker-101", "ines", **ports))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken.klass.proxy_port))
        holder.listen()
        with pytest.raises(PortInUse) as caught:
            checks.check_ports(taken, seconds=0.2)
    assert f"127.0.0.1:{taken.klass.proxy_port} cannot be used" in str(caught.value)
    assert "set another proxy_port" in str(caught.value)


def test_second_hub_of_a_folder_is_refused(hub: Hub) -> None:
    with checks.hold(hub), pytest.raises(CourseError, match="runs already"):
        checks.hold(hub)
    checks.hold(hub).close()


@pytest.mark.skipif(sys.platform != "linux", reason="a hub runs on Linux")
def test_machine_without_root_or_proxy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CourseError, match="a hub needs root"):
        checks.check_machine()
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(checks, "TOOLS", ())
    with pytest.raises(CourseError) as caught:
        checks.check_machine({"PATH": "/nowhere"})
    assert "npm install -g configurable-http-proxy" in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root tries things as somebody else")
def test_python_that_only_root_can_start_is_said(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    tmp_path.chmod(0o700)
    with pytest.raises(CourseError, match=f"students could not start {program}"):
        checks.check_python(str(program))


def test_secret_that_is_none_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.state.mkdir()
    path = hub.state / "cookie_secret"
    path.write_text("not a secret")
    path.chmod(0o600)
    with pytest.raises(CourseError, match="is no secret of JupyterHub"):
        checks.check_secret(path, None)
    path.write_text("ab" * 32)
    checks.check_secret(path, None)
    path.chmod(0o644)
    with pytest.raises(CourseError, match="others than root may read"):
        checks.check_secret(path, None)
    with pytest.raises(UsageError, match="unset JPY_COOKIE_SECRET"):
        checks.check_secret(hub.state / "none", "wrong token")


def test_folder_that_does_not_take_files_is_said(tmp_path: Path) -> None:
    checks.check_answers(tmp_path)
    with pytest.raises(CourseError, match=r"nobody can write into .*No such file"):
        checks.check_answers(tmp_path / "gone")


def test_folder_that_does_not_answer_is_said(tmp_path: Path) -> None:
    # A program that waits for a dead file server neither ends nor answers: as this one.
    with pytest.raises(CourseError, match="does not answer: is it on a file server that is gone"):
        checks.check_answers(tmp_path, seconds=0.2, probe="import time; time.sleep(60)")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose folder it has to be")
def test_folder_where_no_student_gets_is_said(hub: Hub) -> None:
    with pytest.raises(UsageError, match="so no student would see"):
        checks.check_folder(hub)
    hub.folder.chmod(0o777)
    with pytest.raises(CourseError, match="somebody other than root may change"):
        checks.check_folder(hub)


def test_control_groups_of_both_versions(tmp_path: Path) -> None:
    new, old = tmp_path / "2", tmp_path / "1"
    new.mkdir()
    (new / "cgroup.controllers").write_text("cpu memory pids")
    group = cgroups.Cgroup.of("anna", "hub", new)
    assert (group.folders, group.unified) == ((new / "hub" / "anna",), True)
    for kind in ("memory", "pids", "cpu"):
        (old / kind).mkdir(parents=True)
    group = cgroups.Cgroup.of("anna", "hub", old)
    assert group.folders == (old / "memory" / "hub" / "anna", old / "pids" / "hub" / "anna")
    # Without control groups, the limit of single processes.
    none = cgroups.Cgroup.of("anna", "hub", tmp_path / "none")
    assert none.joined(1 << 20, 10) == ["prlimit", f"--data={1 << 20}", "--"]


def test_first_page_of_a_class_is_the_index_and_says_where_lessons_come_from() -> None:
    page = nbformat.reads(first_page().decode(), as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(page)
    assert "Assignment List" in page.cells.pop(1).source
    index = nbformat.read(course().index, as_version=4)  # type: ignore[no-untyped-call]
    assert [cell.source for cell in page.cells] == [cell.source for cell in index.cells]


def test_hand_out_is_a_table(hub: Hub) -> None:
    rows = list(csv.reader(hub.passwords_file.read_text().splitlines()))
    assert rows[0] == ["name", "password"]
    assert [row[0] for row in rows[1:]] == ["anna", "ben", "ines"]


@pytest.fixture
def own_file_system(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB that counts who has what, where kernel and programs can."""
    image, where = tmp_path / "image", tmp_path / "mounted"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    where.mkdir()
    said = subprocess.run(["mkfs.ext4", "-q", str(image)], capture_output=True, text=True)
    if not said.returncode:
        words = ["mount", "-o", "loop,usrquota", str(image), str(where)]
        said = subprocess.run(words, capture_output=True, text=True)
    if said.returncode:
        pytest.skip(f"no file system in a file here: {said.stderr}")
    try:
        for program, option in (("quotacheck", "-cum"), ("quotaon", "-u")):
            if shutil.which(program):
                subprocess.run([program, option, where], capture_output=True)
        yield where
    finally:
        subprocess.run(["umount", where], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_disk_is_limited_where_we_say_so(own_file_system: Path) -> None:
    hub = Hub(own_file_system, Class("docker-101", "ines", disk_mb=1))
    hub.homes.mkdir()
    limited = accounts.limit_disk(hub, ["nobody"])
    large = hub.homes / "large"
    with large.open("wb") as out:
        shutil.chown(large, "nobody")
        words = ["dd", "if=/dev/zero", "bs=64k", "count=32"]
        written = subprocess.run(words, user="nobody", stdout=out, stderr=subprocess.PIPE)
    assert (written.returncode != 0) == limited, written.stderr
