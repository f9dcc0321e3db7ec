"""A class from the first log-in to the feedback, on a hub as ``course hub`` makes and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from course_lib.hub.checks import PROXY
from tests.contract.harness import until
from tests.deploy import lesson_one
from tests.deploy.browser import SECONDS, chromium, open_terminal, profile_page
from tests.deploy.hub_class import (
    ROOT,
    RunningClass,
    apart,
    environment,
    open_place,
    person,
    reachable,
    require_hub,
    running_class,
)
from tests.deploy.memory import ENGINE, by_kind
from tests.deploy.person import Kernel, text_of
from tests.deploy.processes import end_group
from tests.deploy.thief import try_to_cross

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(900),
    # Its servers and its grading have networks of their own.
    pytest.mark.xdist_group("hub"),
]

ASSIGNMENT = "networking"
GUIDE = ROOT / "docs" / "hub.md"
NOTEBOOK = str(lesson_one.NOTEBOOK)
POINTS = 12.0
ENGINE_MB = 60
"""At most, of a student in a lesson."""
NAMES = ["anna", "ben", "cleo", "dan", "eve"]


@pytest.fixture(scope="module")
def klass() -> Iterator[RunningClass]:
    with running_class(NAMES) as made:
        # One lesson is enough to see a class work.
        for path in (made.hub.course_directory / "source" / ASSIGNMENT).glob("*.ipynb"):
            if path.name != lesson_one.NOTEBOOK.name:
                path.unlink()
        yield made


def refusal(folder: Path, environ: dict[str, str]) -> str:
    """What `course hub run` says that does not start."""
    words = reachable(sys.executable, "-m", "course_lib.cli", "hub", "run", str(folder))
    done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stdout + done.stderr
    [line] = done.stderr.splitlines()
    return line


def test_what_is_wrong_is_said_before_anything_starts(tmp_path: Path) -> None:
    require_hub()
    with open_place() as place:
        made = RunningClass(place / "class", [person("zoe")])
        proxy = tmp_path / PROXY
        proxy.write_text("#!/bin/sh\nexit 1\n")
        proxy.chmod(0o755)
        path = f"{tmp_path}:{environment()['PATH']}"
        assert "proxy does not run" in refusal(made.folder, environment() | {"PATH": path})
        exchange = made.folder / "exchange"
        exchange.mkdir(mode=0o755)
        said = refusal(made.folder, environment())
        assert f"students cannot write into {exchange}: Permission denied" in said
        assert f"chmod 1777 {exchange}" in said
        assert not made.hub.homes.exists()


def wait_for_lab(page: Page) -> None:
    """Until JupyterLab is there: a server starts, a large page loads."""
    expect(page.locator(".jp-NotebookPanel")).to_be_visible(timeout=180 * SECONDS)


def open_list(page: Page, menu: str) -> None:
    page.get_by_role("menuitem", name="Nbgrader").click()
    page.get_by_role("menuitem", name=menu, exact=True).click()


async def lesson_by_requests(klass: RunningClass, name: str, done: int) -> None:
    """What JupyterLab does for a student, without drawing it; the first ``done`` exercises."""
    answers = dict(list(lesson_one.WORK.items())[:done])
    async with klass.person(name) as student:
        await student.log_in()
        await student.start_server()
        await student.assignment("fetch", klass.course, ASSIGNMENT)
        errors = await student.do_notebook(NOTEBOOK, answers)
        if done == len(lesson_one.WORK):
            assert errors == []
            assert await student.validate(NOTEBOOK) == {}
        await student.assignment("submit", klass.course, ASSIGNMENT)


async def lessons_by_requests(klass: RunningClass, names: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        for done, name in enumerate(names, 1):
            group.create_task(lesson_by_requests(klass, name, done))


def test_class_from_release_to_feedback(klass: RunningClass, tmp_path: Path) -> None:
    anna, *others = klass.students
    with (
        chromium() as browser,
        profile_page(browser, klass.base, tmp_path / "instructor.png") as page,
    ):
        release_in_the_browser(klass, page)
        # Each does one exercise more than the one before.
        work = apart(lambda: lessons_by_requests(klass, others))
        with profile_page(browser, klass.base, tmp_path / "student.png") as student:
            lesson_in_the_browser(klass, anna, student, tmp_path)
            work.result(600)
            grade(klass, page)
            read_feedback(student, tmp_path)
            # The hub knows that it is reached by `https`, though what asks it does not do so.
            unguarded = {c["name"] for c in student.context.cookies() if not c["secure"]}
            assert unguarded <= {"_xsrf"}  # which lets nobody in, and a page's script reads
    asyncio.run(each_gets_their_own(klass, others))


def release_in_the_browser(klass: RunningClass, page: Page) -> None:
    """The instructor's own server lists the course; formgrader generates and releases."""
    klass.sign_in(page, klass.instructor)
    wait_for_lab(page)
    open_list(page, "Course List")
    course = page.get_by_role("link", name=klass.course)
    expect(course).to_be_visible()
    target = str(course.get_attribute("href"))
    assert target.startswith(f"{klass.base}/services/{klass.course}/"), target
    press(klass, page, "education", "cloud-upload")  # Generate, Release


def press(klass: RunningClass, page: Page, *icons: str) -> None:
    """Formgrader's buttons for the assignment, by the names of their pictures."""
    page.goto(f"{klass.base}/services/{klass.course}/formgrader")
    row = page.locator("tr", has_text=ASSIGNMENT)
    for icon in icons:
        row.locator(f".glyphicon-{icon}").click()
        dialog = page.locator("#success-modal")
        expect(dialog).to_be_visible(timeout=120 * SECONDS)
        dialog.locator(".modal-footer button").click()
        expect(dialog).to_have_count(0)


def lesson_in_the_browser(klass: RunningClass, name: str, page: Page, shots: Path) -> None:
    klass.sign_in(page, name)
    wait_for_lab(page)
    page.get_by_role("menuitem", name="Nbgrader").click()
    expect(page.get_by_role("menuitem", name="Assignment List")).to_be_visible()
    for hidden in ("Course List", "Formgrader", "Create Assignment"):
        expect(page.get_by_role("menuitem", name=hidden)).to_have_count(0)
    page.get_by_role("menuitem", name="Assignment List", exact=True).click()
    page.get_by_role("button", name="Fetch").click()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    notebook = klass.home(name) / lesson_one.NOTEBOOK
    owner = notebook.stat()
    cells = lesson_one.write_answers(notebook)
    os.chown(notebook, owner.st_uid, owner.st_gid)

    page.goto(f"{klass.base}/user/{name}/lab/tree/{NOTEBOOK}")
    panel = page.locator(".jp-NotebookPanel:visible")
    expect(panel.get_by_role("heading", name="Publish a service")).to_be_visible()
    lesson_one.run(page, cells, shots)
    lesson_one.show_picture(page, shots)
    lesson_one.show_page(page, shots)
    assert 0 < by_kind(owner.st_uid)[ENGINE] < ENGINE_MB
    page.keyboard.press("Control+s")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Saving completed")

    # The same engine in a terminal.
    open_terminal(page)
    page.keyboard.type("docker ps --format '{{.Names}}' > ~/docker-course/seen.txt\n")
    seen = klass.home(name) / "seen.txt"
    until(lambda: seen.exists() and "site" in seen.read_text().split())

    page.get_by_role("tab", name=lesson_one.NOTEBOOK.name).click()
    page.get_by_role("button", name="Validate").click()
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("Success", timeout=180 * SECONDS)
    page.screenshot(path=shots / "validated.png")
    dialog.get_by_role("button").last.click()

    open_list(page, "Assignment List")
    page.get_by_role("button", name="Submit").click()
    inbound = klass.hub.exchange / klass.course / "inbound"
    until(lambda: list(inbound.glob(f"{name}+{ASSIGNMENT}+*/submission_secret.txt")))


def documented_lines() -> list[str]:
    """How docs/hub.md says that a class is graded, line by line."""
    blocks = re.findall(r"^```console\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    [block] = (block for block in blocks if "course autograde" in block)
    lines = [line.removeprefix("$ ") for line in block.splitlines()]
    assert any(line.startswith("nbgrader release_feedback") for line in lines)
    return lines


def grade(klass: RunningClass, page: Page) -> None:
    """As the guide says, in a terminal of the course's account; then formgrader's buttons."""
    page.goto(f"{klass.base}/services/{klass.course}/lab")
    open_terminal(page)
    page.keyboard.type("exec > ~/log 2>&1; trap 'echo \"failed: $BASH_COMMAND\"' ERR\n")
    for line in documented_lines():
        page.keyboard.type(f"{line.replace('docker-101', klass.course)}\n")
    page.keyboard.type("echo all done\n")
    log = klass.hub.home(klass.hub.klass.grader) / "log"
    until(lambda: log.exists() and re.search(r"^all done$", log.read_text(), re.MULTILINE), 400)
    assert "failed: " not in log.read_text(), log.read_text()
    press(klass, page, "comment", "envelope")  # Generate and release feedback, once more
    path = f"/services/{klass.course}/formgrader/api/submissions/{ASSIGNMENT}"
    listed = page.request.get(klass.base + path).json()
    earned = {submission["student"]: submission["score"] for submission in listed}
    assert earned == dict(zip(klass.students, (POINTS, 4.0, 6.0, 10.0, POINTS), strict=True))


def read_feedback(page: Page, shots: Path) -> None:
    """The student fetches the feedback with the button of the list, and opens it."""
    page.locator("#refresh_assignments_list, [title='Refresh']").first.click()
    page.get_by_role("button", name="Fetch Feedback").click()
    expect(page.get_by_text("view feedback").first).to_be_attached()
    page.screenshot(path=shots / "feedback.png")


async def each_gets_their_own(klass: RunningClass, names: list[str]) -> None:
    for number, name in enumerate(names, 1):
        async with klass.person(name) as student:
            await student.log_in()
            await student.start_server()
            await student.assignment("fetch_feedback", klass.course, ASSIGNMENT)
            [page] = (klass.home(name) / ASSIGNMENT / "feedback").rglob("*.html")
            text = page.read_text()
            assert "Publish a service" in text
            score = (0, 4, 6, 10, 12)[number]
            assert re.search(rf"Score: {score}(\.0)? / 12", text), name


def test_students_do_not_reach_each_other(klass: RunningClass) -> None:
    asyncio.run(try_to_cross(klass))


def test_nothing_is_lost_when_things_end(klass: RunningClass) -> None:
    asyncio.run(end_everything(klass))


async def end_everything(klass: RunningClass) -> None:
    name = klass.students[2]
    async with klass.person(name) as student:
        await student.log_in()
        await student.start_server()
        await student.answered(
            "api/contents/notes.txt",
            "PUT",
            json={"type": "file", "format": "text", "content": "my"},
        )
        keep = (
            "!docker volume create kept >/dev/null"
            " && docker run --rm -v kept:/data alpine sh -c 'echo precious > /data/file'"
        )
        show = "!docker run --rm -v kept:/data alpine cat /data/file"
        end = (
            "import json, os, signal, subprocess\n"
            "found = subprocess.run(['course', 'engine', 'status', '--json'],"
            " capture_output=True).stdout\n"
            "os.kill(json.loads(found)['pid'], signal.SIGKILL)"
        )
        async with Kernel(student, "notes.ipynb") as kernel:
            await kernel.run(keep)
            # A killed engine starts again with the next command.
            assert text_of(await kernel.run(end)) == ""
            assert "precious" in text_of(await kernel.run(show))
            # A killed kernel is started again by the server.
            await student.answered(f"api/kernels/{kernel.id}/restart", "POST")
            assert "precious" in text_of(await kernel.run(show))

        # A hub that was killed finds the servers that it had started.
        before = server_of(name)
        klass.kill()
        klass.start()
        assert server_of(name) == before
    async with klass.person(name) as student:
        await student.log_in()
        await student.start_server()
        assert server_of(name) == before
        assert "precious" in await student.run(show)
        # Its way to the hub is open again: the list asks there which courses are whose.
        listed = await student.answered(f"assignments?course_id={klass.course}")
        assert listed["success"]

        # An engine that nobody uses ends, and comes back with the next command.
        idle = "!course engine stop >/dev/null; echo $COURSE_ENGINE_IDLE;"
        idle += " COURSE_ENGINE_IDLE=1 docker volume ls --quiet 2>/dev/null"
        assert (await student.run(idle)).split() == ["1200", "kept"]
        until(lambda: by_kind(pwd.getpwnam(name).pw_uid)[ENGINE] == 0)
        assert "precious" in await student.run(show)

        # So does a server, with everything of its person.
        with culling(klass):
            until(lambda: not processes_of(name))
        await student.start_server()
        assert (await student.read("notes.txt")) == "my"
        assert "precious" in await student.run(show)


@contextlib.contextmanager
def culling(klass: RunningClass) -> Iterator[None]:
    """The hub's own culler, with all that it is given, but after a second instead of an hour."""
    [culler] = (p for p in klass.services() if "jupyterhub_idle_culler" in p.cmdline())
    words, environ = culler.cmdline(), culler.environ()
    at = words.index("--timeout=3600")
    words[at:] = ["--timeout=1", "--cull-every=1"]
    process = subprocess.Popen(words, env=environ, start_new_session=True)
    try:
        yield
    finally:
        end_group(process)


def test_no_service_ignores_the_signal_that_ends_it(klass: RunningClass) -> None:
    """Else the hub waits half a minute for each; whatever started the hub ignores it."""
    services = klass.services()
    assert len(services) == 3
    for process in services:
        status = Path(f"/proc/{process.pid}/status").read_text()
        [ignored] = re.findall(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)
        assert not int(ignored, 16) >> (signal.SIGINT - 1) & 1, process.cmdline()


def processes_of(name: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["username"]) if p.info["username"] == name]


def server_of(name: str) -> int:
    """The process of a person's Jupyter server."""
    return min(int(p.pid) for p in processes_of(name))
