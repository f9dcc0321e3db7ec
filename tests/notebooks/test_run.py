"""``course run``: the lessons with their reference solutions, on both engines."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from course_lib.catalog import Assignment, Catalog, Lesson, course
from course_lib.daemons import Topic
from course_lib.embedded import EmbeddedEngine
from course_lib.errors import EngineUnavailable, UnknownLesson
from course_lib.images import with_tag
from course_lib.release import release_notebook
from graders.nbgrader.execute import LessonRun, run_lesson, run_lessons
from graders.nbgrader.shared_machine import SharedMachine
from tests.contract.engines import beside, open_engine, raw_images
from tests.contract.harness import Engine, until
from tests.contract.swarm.conftest import dockerd as dockerd_for_swarm
from tests.notebooks import stored
from tests.submissions.corpus import Student

TWICE_ON_DOCKERD = ("publish-a-service", "container-network-model")
"""For their time; on the embedded engine every lesson runs twice."""


@pytest.fixture
def in_use(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The engine under test, as ``DOCKER_HOST`` names it; journals go to a folder of the test."""
    monkeypatch.setenv("DOCKER_HOST", engine.docker_host)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("COURSE_ENGINE", raising=False)
    return engine


def things(engine: Engine) -> dict[str, set[str]]:
    """Names of what is on the engine."""
    api = engine.sdk.api
    return {
        "containers": {name for c in api.containers(all=True) for name in c["Names"]},
        "networks": {n["Name"] for n in api.networks()},
        "volumes": {v["Name"] for v in api.volumes()["Volumes"] or ()},
        "images": {tag for i in raw_images(engine) for tag in i["RepoTags"] or ()},
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "engine",
    ["embedded", pytest.param("dockerd-checks", marks=pytest.mark.docker)],
    indirect=True,
)
@pytest.mark.parametrize("lesson", [lesson.key for lesson in course().lessons()])
def test_lesson_earns_everything_and_shows_what_is_stored(
    lesson: str, engine: Engine, student: Student, tmp_path: Path
) -> None:
    """Run All by nbval, which compares the outputs: those of the checks say full points.

    On the embedded engine first on a fresh one with the seed, where even IDs are equal; then from
    a fresh kernel once more, over what the first run left. On dockerd with sanitizers; not on the
    one that most tests share, for pictures of volumes hold them for a moment, also others' volumes.
    """
    reserved = course().lesson(lesson)
    notebook = course().notebook(reserved)
    with ExitStack() as stack:
        if engine.name == "embedded":
            environment = stack.enter_context(stored.seeded_engine(tmp_path))
            engine = stack.enter_context(seeded(environment))
            stored.compare(notebook, tmp_path, environment, exactly=True)
        else:
            if reserved.services:
                # Swarm mode would change the dockerd that all tests share.
                engine = stack.enter_context(dockerd_for_swarm())
            environment = stored.environment(engine.docker_host, tmp_path)
            stack.callback(clean, environment)
            if reserved.name in TWICE_ON_DOCKERD:
                stored.compare(
                    notebook, tmp_path, environment, exactly=False, prefix=beside(engine)
                )
        stored.compare(notebook, tmp_path, environment, exactly=False, prefix=beside(engine))
        clean(environment)
        check_that_nothing_is_left(reserved, engine)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_lessons_run_in_any_order_over_what_another_left(
    in_use: Engine, student: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``course run`` with the course shuffled (always alike), and nothing cleaned up in between."""
    lessons = [*course().lessons()]
    random.Random(5).shuffle(lessons)
    monkeypatch.setattr("graders.nbgrader.turn.CLEAN", "pass")
    for lesson in lessons:
        (run,) = run_lessons(lesson.key)
        assert (run.error, run.earned) == (None, run.points), lesson.key
        assert run.complete


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_lessons_as_handed_out_earn_nothing(
    in_use: Engine, student: Student, tmp_path: Path
) -> None:
    """What a lesson's own cells do is no answer to its exercises."""
    handed_out = Catalog(tmp_path / "course", course().assignments)
    for lesson in course().lessons():
        path = handed_out.notebook(lesson)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(release_notebook(course().notebook(lesson)))
    runs = run_lessons(catalog=handed_out)
    assert {run.notebook: run.earned for run in runs} == {
        lesson.name: 0 for lesson in course().lessons()
    }


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize(
    "engine", [pytest.param("dockerd", marks=pytest.mark.docker)], indirect=True
)
def test_course_run_takes_away_what_a_lesson_brought(in_use: Engine, student: Student) -> None:
    """The shortest of the lessons, on a Docker of one's own."""
    if in_use.address != "127.0.0.1":
        pytest.skip("published ports answer elsewhere")
    (run,) = run_lessons("networking/custom-networks")
    assert (run.error, run.earned) == (None, run.points)
    check_that_nothing_is_left(course().lesson("networking/custom-networks"), in_use)


@contextmanager
def seeded(environment: Mapping[str, str]) -> Iterator[Engine]:
    """A handle on the engine that ``environment`` leads to."""
    socket = environment["DOCKER_HOST"].removeprefix("unix://")
    opened = open_engine("embedded", socket, "127.0.0.1")
    yield opened
    opened.sdk.close()


def check_that_nothing_is_left(lesson: Lesson, engine: Engine) -> None:
    left = things(engine)
    assert not {f"/{name}" for name in lesson.containers} & left["containers"]
    assert not set(lesson.networks) & left["networks"]
    assert not set(lesson.volumes) & left["volumes"]
    assert not {with_tag(tag) for tag in lesson.builds} & left["images"]


def clean(environment: Mapping[str, str]) -> None:
    words = [sys.executable, "-c", "from course_lib import lab; lab.clean()"]
    subprocess.run(words, env=environment, check=True)


def notebook_of(folder: Path, *sources: Any) -> Path:
    v4 = nbformat.v4
    cells = [
        v4.new_code_cell(source) if isinstance(source, str) else source  # type: ignore[no-untyped-call]
        for source in sources
    ]
    path = folder / "own.ipynb"
    nbformat.write(v4.new_notebook(cells=cells), path)  # type: ignore[no-untyped-call]
    return path


def check_cell(source: str, points: float = 2) -> Any:
    metadata = {"grade": True, "grade_id": "publish-any-port", "locked": True, "points": points}
    return nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
        source,
        metadata={"nbgrader": {**metadata, "schema_version": 3, "solution": False, "task": False}},
    )


LESSON = Lesson("networking", "own", "Own")


@pytest.fixture
def no_cleaning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks of these tests use no engine, so there is nothing to clean."""
    monkeypatch.setattr("graders.nbgrader.turn.CLEAN", "pass")


@pytest.mark.usefixtures("no_cleaning")
def test_run_says_where_a_cell_failed_and_goes_on(tmp_path: Path) -> None:
    path = notebook_of(
        tmp_path, "1", "1/0", check_cell("check = float\ncheck('1.5')"), "import sys; sys.exit(3)"
    )
    run = run_lesson(path, LESSON)
    assert run.error == "cell 2: ZeroDivisionError: division by zero"
    assert run.earned == 1.5
    assert not run.complete


@pytest.mark.usefixtures("no_cleaning")
def test_run_ends_where_the_lesson_could_not_be_started(tmp_path: Path) -> None:
    """The first cell is `lab.start`: what follows would do something else's work."""
    text = nbformat.v4.new_markdown_cell("Goals")  # type: ignore[no-untyped-call]
    path = notebook_of(tmp_path, text, "1/0", check_cell("check = float\ncheck('1.5')"))
    run = run_lesson(path, LESSON)
    assert run.error == "cell 2: ZeroDivisionError: division by zero"
    assert run.earned == 0


MODULES = """
import sys
found = {"course_lib.lab", "graders.notebook", "docker", "course_lib.diagrams.svg"}
assert found <= set(sys.modules), found - set(sys.modules)
assert not {"lab", "check", "docker", "course_lib", "graders"} & set(globals())
"""


@pytest.mark.usefixtures("no_cleaning")
def test_kernel_comes_up_with_the_modules_of_a_lesson_and_no_names(tmp_path: Path) -> None:
    assert run_lesson(notebook_of(tmp_path, MODULES), LESSON).error is None


@pytest.mark.usefixtures("no_cleaning")
def test_kernel_takes_no_port(tmp_path: Path) -> None:
    """Somebody else could take it between its choice and its use."""
    connection = (
        "from ipykernel import get_connection_info\nfound = get_connection_info(unpack=True)"
    )
    transport = "assert found['transport'] == 'ipc', found"
    run = run_lesson(notebook_of(tmp_path, connection, transport), LESSON)
    assert run.error is None


@pytest.mark.usefixtures("no_cleaning")
def test_run_survives_a_kernel_that_dies(tmp_path: Path) -> None:
    run = run_lesson(notebook_of(tmp_path, "import os; os._exit(1)", "1"), LESSON)
    assert run.earned == 0
    assert run.error is not None
    assert run.error.startswith("cell 1: ")


@pytest.mark.usefixtures("no_cleaning")
def test_run_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    path = notebook_of(tmp_path, "open('made-here', 'w').close()")
    assert run_lesson(path, LESSON).error is None
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "no JSON", "{}", '{"cells": 1}'])
def test_run_of_what_is_no_notebook_says_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "own.ipynb"
    path.write_text(content)
    run = run_lesson(path, LESSON)
    assert run.error is not None
    assert "own.ipynb is no notebook" in run.error


def test_run_of_a_missing_notebook_says_so(tmp_path: Path) -> None:
    run = run_lesson(tmp_path / "gone.ipynb", LESSON)
    assert run.error is not None
    assert "cannot be read" in run.error


def test_run_with_a_kernel_that_is_not_there_says_so(tmp_path: Path) -> None:
    path = notebook_of(tmp_path, "1")
    document = json.loads(path.read_text())
    document["metadata"]["kernelspec"] = {"name": "no-such", "display_name": "None such"}
    path.write_text(json.dumps(document))
    run = run_lesson(path, LESSON)
    assert run.error == "No such kernel named no-such"


# Waits for a kernel beside its own.
NOT_ALONE = """
import psutil, time
def is_kernel(process):
    try:
        return "ipykernel_launcher" in process.cmdline()
    except psutil.Error:  # something else that has ended
        return False
def beside():
    return sum(map(is_kernel, psutil.Process().parent().children())) - 1
deadline = time.monotonic() + 60
while not beside() and time.monotonic() < deadline: time.sleep(0.05)
assert beside()
"""


@pytest.fixture
def two_lessons(tmp_path: Path) -> Catalog:
    """A course whose first lesson ends when the kernel of the second is there."""
    first, second = Lesson("own", "first", "First"), Lesson("own", "second", "Second")
    catalog = Catalog(tmp_path / "course", (Assignment("own", "Own", (first, second)),))
    for lesson, source in (
        (first, NOT_ALONE),
        (second, "import os; assert len(os.listdir()) == 1"),
    ):
        path = catalog.notebook(lesson)
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook_of(tmp_path, source).rename(path)
    return catalog


@pytest.mark.usefixtures("no_cleaning")
@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_next_kernel_comes_up_while_a_lesson_runs(in_use: Engine, two_lessons: Catalog) -> None:
    before = set(psutil.Process().children())
    runs = run_lessons(catalog=two_lessons)
    assert [(run.notebook, run.error) for run in runs] == [("first", None), ("second", None)]
    assert set(psutil.Process().children()) <= before  # of which some may have ended


@pytest.mark.usefixtures("no_cleaning")
@pytest.mark.parametrize("engine", ["embedded"], indirect=True)
def test_interrupted_run_leaves_no_kernel(in_use: Engine, two_lessons: Catalog) -> None:
    def interrupt(_: LessonRun) -> None:
        raise KeyboardInterrupt

    before = set(psutil.Process().children())
    with pytest.raises(KeyboardInterrupt):
        run_lessons(catalog=two_lessons, finished=interrupt)
    assert set(psutil.Process().children()) <= before  # of which some may have ended


PATIENCE = 120
"""Seconds that a lesson of these waits for the other one."""
MEET = """
import os, time
from pathlib import Path
Path({own!r}).write_text(os.environ["DOCKER_HOST"])
deadline = time.monotonic() + {patience}
while not Path({other!r}).exists() and time.monotonic() < deadline: time.sleep(0.05)
assert Path({other!r}).exists()
{last}
"""


@pytest.fixture
def nothing_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No word about engines in the environment, and a home of the test's own."""
    for variable in ("DOCKER_HOST", "COURSE_ENGINE", "XDG_RUNTIME_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1}, raising=False)


@pytest.fixture
def meeting(tmp_path: Path) -> Catalog:
    """A course of two lessons, each of which waits for the other; the first ends last."""
    first, second = Lesson("own", "first", "First"), Lesson("own", "second", "Second")
    catalog = Catalog(tmp_path / "course", (Assignment("own", "Own", (first, second)),))
    files = str(tmp_path / "first.txt"), str(tmp_path / "second.txt")
    ended = str(tmp_path / "ended.txt")
    wait = f"while not Path({ended!r}).exists() and time.monotonic() < deadline: time.sleep(0.05)"
    for lesson, (own, other), last in (
        (first, files, wait),
        (second, files[::-1], ""),
    ):
        path = catalog.notebook(lesson)
        path.parent.mkdir(parents=True, exist_ok=True)
        notebook_of(
            tmp_path, MEET.format(own=own, other=other, last=last, patience=PATIENCE)
        ).rename(path)
    return catalog


@pytest.mark.usefixtures("no_cleaning", "nothing_said", "two_cores")
def test_lessons_run_at_once_where_nobody_named_an_engine(meeting: Catalog, tmp_path: Path) -> None:
    """Each on an engine of its own, gone afterwards; and the student's own stays as it is."""
    before = set(psutil.Process().children())
    ended: list[str] = []

    def finished(run: LessonRun) -> None:
        ended.append(run.notebook)
        (tmp_path / "ended.txt").touch()

    runs = run_lessons(catalog=meeting, finished=finished)
    assert [(run.notebook, run.error) for run in runs] == [("first", None), ("second", None)]
    assert ended == ["second", "first"]
    hosts = {(tmp_path / f"{name}.txt").read_text() for name in ended}
    assert len(hosts) == 2
    assert not any(Path(host.removeprefix("unix://")).exists() for host in hosts)
    assert not EmbeddedEngine.at().state.exists()
    assert set(psutil.Process().children()) <= before  # of which some may have ended


@pytest.mark.usefixtures("no_cleaning", "nothing_said")
def test_a_single_lesson_has_an_engine_of_its_own_too(meeting: Catalog, tmp_path: Path) -> None:
    (tmp_path / "second.txt").touch()
    (tmp_path / "ended.txt").touch()
    (run,) = run_lessons("own/first", catalog=meeting)
    assert run.error is None
    host = (tmp_path / "first.txt").read_text()
    assert not Path(host.removeprefix("unix://")).exists()
    assert not EmbeddedEngine.at().state.exists()


@pytest.mark.usefixtures("no_cleaning", "nothing_said", "two_cores")
def test_interrupted_run_leaves_no_engine(meeting: Catalog) -> None:
    """By Ctrl-C while a lesson runs, which is waited for no longer."""

    def interrupt(_: LessonRun) -> None:
        signal.raise_signal(signal.SIGINT)

    before = set(psutil.Process().children())
    told = signal.signal(signal.SIGINT, signal.default_int_handler)
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_lessons(catalog=meeting, finished=interrupt)
    finally:
        signal.signal(signal.SIGINT, told)
    assert time.monotonic() - begun < PATIENCE
    assert set(psutil.Process().children()) <= before  # of which some may have ended


RUN_IT = """
import signal, sys
from course_lib.cli import main
# Where tests run in the background of a script it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main(["run", "networking/network-drivers"]))
"""


def test_terminated_run_leaves_nothing(tmp_path: Path) -> None:
    def folders() -> list[str]:
        found = (path.name for path in tmp_path.iterdir())
        return [name for name in found if name.startswith(("course-run-", "kernel-"))]

    with subprocess.Popen(
        [sys.executable, "-c", RUN_IT],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)},
    ) as running:
        until(lambda: len(folders()) == 3)  # the engine's, the notebook's, the kernel's
        running.terminate()
        assert running.wait(60) == 130
    assert not folders()


@pytest.mark.usefixtures("no_cleaning", "nothing_said", "two_cores")
def test_run_without_a_place_for_engines_says_so(
    meeting: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(_: EmbeddedEngine) -> Any:
        raise EngineUnavailable("no room")

    monkeypatch.setattr(EmbeddedEngine, "for_a_while", refuse)
    with pytest.raises(EngineUnavailable, match="no room"):
        run_lessons(catalog=meeting)


def order_of(*lessons: Lesson) -> list[str]:
    """Beginnings and ends of lessons that all want to run at once, and leave whenever they may."""
    order: list[str] = []

    async def run() -> None:
        machine = SharedMachine()

        async def one(lesson: Lesson) -> None:
            async with machine.used_by(lesson):
                order.append(f"{lesson.name} begins")
                for _ in range(5):
                    await asyncio.sleep(0)  # everybody else gets a turn
                order.append(f"{lesson.name} ends")

        await asyncio.gather(*map(one, lessons))

    asyncio.run(run())
    return order


@pytest.mark.parametrize(
    ("first", "second", "apart"),
    [
        ({"ports": (80, 81)}, {"ports": (81,)}, True),
        ({"ports": (80,)}, {"ports": (81,)}, False),
        ({}, {}, False),
        ({"touches": (Topic.HOST_NETWORK, Topic.PING)}, {"touches": (Topic.HOST_NETWORK,)}, True),
        ({"touches": (Topic.PING,)}, {"touches": (Topic.PING,)}, False),
    ],
)
def test_lessons_that_take_the_same_port_run_apart(
    first: dict[str, Any], second: dict[str, Any], apart: bool
) -> None:
    lessons = Lesson("own", "a", "A", **first), Lesson("own", "b", "B", **second)
    together = ["a begins", "b begins", "a ends", "b ends"]
    assert order_of(*lessons) == (sorted(together, key=lambda said: said[0]) if apart else together)


def test_run_of_an_unknown_lesson_is_refused() -> None:
    with pytest.raises(UnknownLesson):
        run_lessons("networking/no-such-lesson")


def test_run_json_has_the_shape_others_rely_on() -> None:
    document = LessonRun("networking", "own", 1.0, 2.0, 0.5, None).to_json()
    assert json.loads(json.dumps(document)) == {
        "assignment": "networking",
        "notebook": "own",
        "earned": 1.0,
        "points": 2.0,
        "seconds": 0.5,
        "error": None,
    }
