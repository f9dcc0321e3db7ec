"""``course init``, and nbgrader's own commands in what it makes."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import sysconfig
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.catalog import course
from course_lib.courses import init_course, make_grade_book
from course_lib.errors import CourseError, NotOurWorkspace, UsageError
from tests.contract.harness import Engine
from tests.graders.test_own import BEGIN, CHECK, WORK, no_shop
from tests.submissions.corpus import Student

__all__ = ["no_shop"]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
NBGRADER = Path(sysconfig.get_path("scripts")) / "nbgrader"


def test_init_makes_everything_that_nbgrader_needs(tmp_path: Path) -> None:
    made = init_course(tmp_path / "classes" / "docker", "docker-101")
    assert sorted(path.name for path in made.iterdir()) == [
        "README.md", "gradebook.db", "nbgrader_config.py", "source",
    ]  # fmt: skip
    notebooks = {str(path.relative_to(made / "source")) for path in made.rglob("*.ipynb")}
    assert notebooks == {"index.ipynb", *(f"{lesson.key}.ipynb" for lesson in course().lessons())}
    assert "docker-101" in (made / "nbgrader_config.py").read_text()
    assert [path.name for path in made.parent.iterdir()] == ["docker"]


def test_init_takes_an_empty_directory(tmp_path: Path) -> None:
    assert init_course(tmp_path, "x") == tmp_path
    assert (tmp_path / "source").is_dir()


def test_init_leaves_a_directory_with_something_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(NotOurWorkspace, match="not empty"):
        init_course(tmp_path, "docker-101")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_init_over_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(NotOurWorkspace, match="no directory"):
        init_course(path, "docker-101")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("course_id", ["", " x", "a b", "../x", "a/b", "-x", "a'b", "x\n"])
def test_init_with_a_bad_course_id_is_refused(tmp_path: Path, course_id: str) -> None:
    with pytest.raises(UsageError):
        init_course(tmp_path / "new", course_id)
    assert not (tmp_path / "new").exists()


def test_init_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("course_lib.courses.make_grade_book", full)
    with pytest.raises(CourseError, match="No space left"):
        init_course(tmp_path / "new", "docker-101")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_init_makes_the_grade_book_that_nbgrader_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.api import Gradebook

    monkeypatch.setenv("PATH", str(NBGRADER.parent), prepend=os.pathsep)
    ours, theirs = tmp_path / "ours.db", tmp_path / "theirs.db"
    make_grade_book(ours, "docker-101")
    with Gradebook(f"sqlite:///{theirs}", "docker-101"):
        pass
    assert laid_out(ours) == laid_out(theirs)


def laid_out(grade_book: Path) -> tuple[list[Any], list[Any], list[Any]]:
    """Its columns, the revision that they are of, and its courses."""
    with closing(sqlite3.connect(grade_book)) as book:
        columns = book.execute(
            'SELECT tables.name, columns.name, columns.type, columns."notnull"'
            " FROM sqlite_master AS tables, pragma_table_info(tables.name) AS columns"
            " WHERE tables.type = 'table' ORDER BY 1, 2"
        )
        rest = (book.execute(f"SELECT * FROM {table}") for table in ("alembic_version", "course"))
        found, revision, courses = (rows.fetchall() for rows in (columns, *rest))
        return found, revision, courses


# --- nbgrader ------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]

LESSON = "publish-a-service"
HALF = {
    "publish-any-port": "!docker run -d --name web -p 18081:80 nginx",
    "publish-find-port": 'web_port = "localhost:18081"',
    "publish-two-ports": "!docker run -d --name site -p 8080:80 nginx",
}
HALF_POINTS = {
    "publish-any-port": 1.5,
    "publish-find-port": 1.0,
    "publish-two-ports": 2.5,
    "publish-address": 0.0,
}
FULL_POINTS = {
    exercise.id: exercise.points for exercise in course().lesson(f"networking/{LESSON}").exercises
}


def handed_in(work: Mapping[str, str]) -> Change:
    """A submission in which the solution cells hold ``work``."""

    def change(cells: dict[str, Any]) -> None:
        for grade_id, source in work.items():
            if f"{grade_id}-work" in cells:
                cells[f"{grade_id}-work"].source = source

    return change


def tampered(cells: dict[str, Any]) -> None:
    """Right work, a check cell rewritten and another worth more."""
    for grade_id, cell in cells.items():
        if grade_id == "publish-any-port":
            cell.source = "12.0"
        if grade_id == "publish-find-port":
            cell.metadata["nbgrader"]["points"] = 100


class Course:
    """A course directory at work."""

    def __init__(self, root: Path, engine: Engine, home: Path) -> None:
        self.root = init_course(root, "docker-101")
        config = root / "nbgrader_config.py"
        if engine.name == "dockerd":
            text = config.read_text()
            config.write_text(text.replace('.engine = "embedded"', '.engine = "docker"'))
        home.mkdir()
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DOCKER_HOST"},
            "HOME": str(home),
            "XDG_DATA_HOME": str(home / "data"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
            **({"DOCKER_HOST": engine.docker_host} if engine.name == "dockerd" else {}),
        }

    def keep(self, *lessons: str) -> None:
        """Takes all notebooks but these out of the source of ``networking``."""
        for path in (self.root / "source" / "networking").glob("*.ipynb"):
            if path.stem not in lessons:
                path.unlink()

    def nbgrader(self, *words: str) -> str:
        """Runs an nbgrader command that must succeed, and gives its log."""
        done = subprocess.run(
            [NBGRADER, *words], cwd=self.root, env=self.environment,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr

    def submit(self, student: str, change: Change, origin: str = "release") -> None:
        """Hands in the notebooks of ``origin``, changed."""
        for path in sorted((self.root / origin / "networking").glob("*.ipynb")):
            notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
            cells = {
                cell.metadata["nbgrader"]["grade_id"]: cell
                for cell in notebook.cells
                if "nbgrader" in cell.metadata
            }
            change(cells)
            target = self.root / "submitted" / student / "networking" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, target)  # type: ignore[no-untyped-call]

    def grades(self, student: str) -> dict[str, tuple[float | None, bool]]:
        """Automatic score and whether manual grading is due, by grade_id."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from nbgrader.api import Gradebook

            with Gradebook(f"sqlite:///{self.root}/gradebook.db", "docker-101") as book:
                submission: Any = book.find_submission("networking", student)
                return {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for notebook in submission.notebooks
                    for grade in notebook.grades
                }

    def scores(self, student: str) -> dict[str, float | None]:
        """Automatic scores where nothing waits for the instructor."""
        grades = self.grades(student)
        assert not any(manual for _, manual in grades.values()), grades
        return {name: score for name, (score, _) in grades.items()}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nbgrader_grades_as_the_work_deserves(
    engine: Engine, student: Student, tmp_path: Path
) -> None:
    """Two students: half the work, and all of it with the checks tampered with."""
    made = Course(tmp_path / "course", engine, tmp_path / "home")
    made.keep(LESSON)
    made.nbgrader("generate_assignment", "networking")
    released = {path.stem: path for path in (made.root / "release").rglob("*.ipynb")}
    assert set(released) == {LESSON}, "the index is no assignment"
    for path in released.values():
        notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        assert not any(cell.get("outputs") for cell in notebook.cells), path
    exchange = tmp_path / "exchange"
    exchange.mkdir(mode=0o777)
    exchange.chmod(0o777)
    made.nbgrader("release_assignment", "networking", f"--Exchange.root={exchange}")
    assert list(exchange.rglob("outbound/networking/*.ipynb"))

    made.submit("half", handed_in(HALF))
    made.submit("tampered", tampered, origin="source")
    made.nbgrader("autograde", "networking")

    assert made.scores("half") == HALF_POINTS
    assert made.scores("tampered") == FULL_POINTS
    if engine.name == "dockerd":
        check_that_nothing_stays(made, engine)

    made.nbgrader("generate_feedback", "networking")
    page = made.root / "feedback" / "half" / "networking" / "publish-a-service.html"
    text = page.read_text()
    assert "Found: site is published on host port 8080" in text
    assert "5.0/12.0" in re.sub(r"\s", "", text)


def check_that_nothing_stays(made: Course, engine: Engine) -> None:
    """What was started in submissions, also without a name, is gone from a Docker of one's own."""
    started = {
        line
        for path in (made.root / "autograded").rglob("*.ipynb")
        for line in re.findall(r"\b[0-9a-f]{64}\b", path.read_text())
    }
    assert len(started) > 4
    for container in started:
        assert engine.raw.get(f"/containers/{container}/json").status == 404


def write_own_exercise(path: Path) -> None:
    """The notebook that ``docs/own-exercises.md`` describes."""
    v4: Any = nbformat.v4
    words = {"locked": False, "task": False, "schema_version": 3}
    work = {**words, "grade": False, "solution": True, "grade_id": "shop-till-work"}
    check = {**words, "grade": True, "solution": False, "grade_id": "shop-till", "points": 8}
    cells = [
        v4.new_code_cell(BEGIN),
        v4.new_code_cell(WORK, metadata={"nbgrader": work}),
        v4.new_code_cell(CHECK, metadata={"nbgrader": {**check, "locked": True}}),
    ]
    nbformat.write(v4.new_notebook(cells=cells), path)  # type: ignore[no-untyped-call]


def rewritten(cells: dict[str, Any]) -> None:
    """A student expects less of themselves, and did a part of the work."""
    cells["shop-till"].source = (
        "from graders import answer, check, exercise\nx = 1\n"
        "exercise('shop-till', 'Mine', answer('x').equals(1).worth(8))\ncheck('shop-till')"
    )
    cells[
        "shop-till-work"
    ].source = (
        "!docker network create shop\n!docker run -d --name till --net shop alpine sleep 1000"
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("no_shop")
def test_nbgrader_puts_what_could_not_be_judged_before_the_instructor(
    engine: Engine, student: Student, tmp_path: Path
) -> None:
    """Also: a deleted check cell is put back, one that was rewritten too.

    The instructor's own exercise is the one of the docs.
    """
    made = Course(tmp_path / "course", engine, tmp_path / "home")
    made.keep("container-network-model")
    write_own_exercise(made.root / "source" / "networking" / "shop.ipynb")
    made.nbgrader("generate_assignment", "networking")

    blind = """
import docker
lab.handle._client = docker.DockerClient(base_url="unix:///nowhere/docker.sock", version="1.41")
"""
    made.submit("blind", handed_in({"model-reach": blind}), origin="source")
    submitted = made.root / "submitted" / "blind" / "networking"
    with changing(submitted / "container-network-model.ipynb") as cells:
        cells[:] = [cell for cell in cells if named(cell) != "model-named"]
    with changing(submitted / "shop.ipynb") as cells:
        rewritten({named(cell): cell for cell in cells})
    made.nbgrader("autograde", "networking")

    assert made.grades("blind") == {
        "model-network": (3.0, False),
        "model-named": (4.0, False),
        "model-reach": (None, True),
        "shop-till": (3.5, False),
    }


@contextmanager
def changing(path: Path) -> Iterator[list[Any]]:
    """The cells of a notebook, written back."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    yield notebook.cells
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def named(cell: Any) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def test_nbgrader_is_the_one_of_this_environment() -> None:
    assert NBGRADER.is_file(), f"no nbgrader beside {sys.executable}"
