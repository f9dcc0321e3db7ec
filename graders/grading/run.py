"""``course autograde``: a course directory, its configuration, a run, its summary."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from course_lib import clients, lean
from course_lib.courses import CONFIG
from course_lib.errors import ClientMissing, CourseError, UsageError
from graders.grading import confine, reach
from graders.grading.job import Job, Row
from graders.grading.model import Limits, SubmissionResult
from graders.grading.schedule import Pool, has_fixed_ports
from graders.grading.warm import WarmParent
from graders.nbgrader.directory import check_directory

if TYPE_CHECKING:
    from graders.grading.autograde import ClassAutograde


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; see ``course autograde --help``."""

    assignment: str | None = None
    course: Path = Path()
    workers: int | None = None
    engine: str | None = None
    student: str = "*"
    notebook: str = "*"
    force: bool = False
    cell_seconds: float | None = None
    dask: str | None = None
    db: str | None = None
    course_id: str | None = None


def autograde(
    options: Options,
    *,
    begin: Callable[[int], None] = lambda _: None,
    tell: Callable[[str, Row], None] = lambda *_: None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Row]]:
    """Grade the submissions of one assignment, or of all; the rows by assignment.

    :param begin: told how many submissions there are.
    :param tell: told of each that is done.
    :param warn: told at the start what does not protect this machine from students' code.
    :raises CourseError: this is no course directory, or it cannot be graded.
    """
    root = options.course.absolute()
    check_directory(root)
    with chdir(root), warnings.catch_warnings():
        # nbgrader's own use of SQLAlchemy and nbformat; Dask's words about versions.
        warnings.simplefilter("ignore")
        if options.dask:
            return _grade_there(options, root, begin, tell, warn)
        if clients.find() is None:
            # What students' cells ask of it would fail, and look like their doing.
            raise ClientMissing("there is no docker command on PATH", clients.mending_command())
        with closing(WarmParent()) as warm:
            return _grade(options, root, _here(warm, options, warn), begin, tell, warn)


class Runs(Protocol):
    """What runs submissions: processes here, or a cluster."""

    def run(
        self,
        jobs: Iterator[Job | Row],
        save: Callable[[Job, SubmissionResult], Row],
        tell: Callable[[Row], None],
    ) -> None:
        """Run them all; ``tell`` is given a row as soon as a submission is done."""


Pools: TypeAlias = Callable[[str, str], Runs]
"""What runs the submissions of that assignment on that engine."""


def _here(warm: WarmParent, options: Options, warn: Callable[[str], None]) -> Pools:
    warned = False

    def pool(assignment: str, engine: str) -> Runs:
        nonlocal warned
        weakness = reach.weakness(engine)
        if weakness and not warned:
            warn(weakness)
            warned = True
        shared = not confine.possible() and has_fixed_ports(assignment)
        alone = engine != "embedded" or shared
        return Pool(warm, 1 if alone else options.workers)

    return pool


def _grade_there(
    options: Options, root: Path, begin: Any, tell: Any, warn: Callable[[str], None]
) -> dict[str, list[Row]]:
    from graders.grading.cluster import Cluster

    def pool(_: str, engine: str) -> Runs:
        if engine != "embedded":
            raise UsageError(
                "a Dask cluster grades on embedded engines alone", "leave out --engine docker"
            )
        return cluster

    with closing(Cluster(str(options.dask), options.workers, warn)) as cluster:
        return _grade(options, root, pool, begin, tell, warn)


def _grade(
    options: Options, root: Path, pools: Pools, begin: Any, tell: Any, warn: Callable[[str], None]
) -> dict[str, list[Row]]:
    # nbgrader takes as long to import as the warm parent, which starts meanwhile.
    with lean.importing():
        lean.import_nbformat()
        from graders.grading.autograde import ClassAutograde
        from graders.grading.gradebook import wait_until_free

        app = _application(root, options)
    course = app.coursedir
    names = [options.assignment] if options.assignment else _assignments(course)
    if not names:
        raise CourseError(
            f"nobody has handed in anything: {root / course.submitted_directory} is empty",
            "nbgrader collect ASSIGNMENT",
        )
    engine = _engine(options, app)
    found: dict[str, list[Row]] = {}
    for name in names:
        course.assignment_id = name
        converter = ClassAutograde(coursedir=course, parent=app)
        converter.force = converter.force or options.force
        converter.limits = _limits(options, app)
        converter.engine = engine
        rows: list[Row] = []
        pool = pools(name, engine)
        try:
            wait_until_free(course.db_url, warn)
            _check_released(course, name)
            converter.grade_class(_work(converter, pool, name, rows, begin, tell))
        except CourseError:
            raise
        except Exception as error:
            raise _explained(error, options, root, name) from None
        found[name] = sorted(rows, key=lambda row: row.student)
    return found


def _work(
    converter: ClassAutograde, pool: Runs, name: str, rows: list[Row], begin: Any, tell: Any
) -> Any:
    def done(row: Row) -> None:
        rows.append(row)
        tell(name, row)

    def work(jobs: Any, save: Any) -> None:
        begin(len(converter.assignments))
        pool.run(jobs, save, done)

    return work


def _application(root: Path, options: Options) -> Any:
    """nbgrader's own application, for its configuration alone."""
    from nbgrader.apps import AutogradeApp

    AutogradeApp.clear_instance()
    app = AutogradeApp.instance()
    app.raise_config_file_errors = True
    words = [f"--student={options.student}", f"--notebook={options.notebook}"]
    words += [f"--db={options.db}"] if options.db else []
    words += [f"--course={options.course_id}"] if options.course_id else []
    try:
        app.initialize(words, root=str(root))
    except Exception as error:
        line = " ".join(f"{type(error).__name__}: {error}".split())
        raise CourseError(f"{root / CONFIG} cannot be used: {line}") from None
    app.log.setLevel(logging.CRITICAL)
    # Where nbgrader's grade book tells of what it raises as well.
    logging.getLogger("tornado.application").setLevel(logging.CRITICAL)
    return app


def _assignments(course: Any) -> list[str]:
    pattern = course.format_path(course.submitted_directory, "*", "*")
    folder = Path(course.root)
    paths = folder.glob(os.path.relpath(pattern, course.root))
    return sorted({path.name for path in paths if path.is_dir()})


def _check_released(course: Any, name: str) -> None:
    """Half set up: the grade book must know what the assignment consists of."""
    from nbgrader.api import Gradebook, MissingEntry

    from graders.grading.gradebook import path_of

    path = path_of(course.db_url)
    if path is not None and not path.is_file():
        raise CourseError(f"there is no grade book {path}", f"nbgrader generate_assignment {name}")
    with Gradebook(course.db_url, course.course_id) as book:
        try:
            known: Any = book.find_assignment(name)
        except MissingEntry:
            known = None
        if known is None or not known.notebooks:
            raise CourseError(
                f"the grade book knows no notebooks of {name!r}",
                f"nbgrader generate_assignment {name}",
            )


def _limits(options: Options, app: Any) -> Limits:
    """What ``nbgrader_config.py`` says under ``c.Limits``, and the command line."""
    words: dict[str, Any] = dict(app.config.Limits)
    try:
        limits = replace(Limits(), **words)
    except TypeError:
        names = ", ".join(asdict(Limits()))
        raise UsageError(f"unknown limit in {CONFIG}: {words}", f"there are: {names}") from None
    if options.cell_seconds:
        limits = replace(limits, cell_seconds=options.cell_seconds)
    return limits


def _engine(options: Options, app: Any) -> str:
    from course_lib import connect

    word = options.engine or dict(app.config.PrepareEngine).get("engine") or "embedded"
    if word != "docker":
        return "embedded"
    return connect.connect("docker").host


def _explained(error: Exception, options: Options, root: Path, name: str) -> CourseError:
    text = (str(error) or type(error).__name__).splitlines()[0]
    if "No notebooks were matched" in text:
        chosen = {"--student": options.student, "--notebook": options.notebook}
        words = " ".join(f"{word} {value}" for word, value in chosen.items() if value != "*")
        if words:
            return CourseError(
                f"nothing that was handed in for {name!r} matches {words}",
                f"ls {root / 'submitted'}/*/{name}",
            )
        return CourseError(
            f"nobody has handed in {name!r} under {root / 'submitted'}", f"nbgrader collect {name}"
        )
    if "sqlite3" in text:
        return CourseError(f"the grade book cannot be used: {text}")
    return CourseError(f"{name} could not be graded: {text}")
