"""An instructor's nbgrader course directory: ``course init``.

nbgrader's own commands work in it as they are: ``generate_assignment``, ``release_assignment``,
``autograde``, ``generate_feedback``, formgrader.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from course_lib import lean
from course_lib.catalog import Catalog, course
from course_lib.errors import CourseError, NotOurWorkspace, UsageError

CODE_STUB = "# YOUR COMMANDS HERE"
"""What stands in a release where the solution was. It does not raise: Run All runs on."""

CONFIG = "nbgrader_config.py"
GRADE_BOOK = "gradebook.db"
COURSE_ID = re.compile(r"\w[\w.-]*\Z")

_CONFIG = '''\
"""nbgrader's configuration for this course. Made by `course init`; change what you like."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = {course_id!r}
c.CourseDirectory.root = str(HERE)
c.CourseDirectory.db_url = f"sqlite:///{{HERE}}/{grade_book}"

# What stands in the release where a solution was.
c.ClearSolutions.code_stub = {{"python": {code_stub!r}}}

# Where submissions are graded. "embedded": the course's own engine, emptied before every notebook.
# "docker": the daemon that DOCKER_HOST or the current Docker context names.
c.PrepareEngine.engine = "embedded"
c.PrepareEngine.state = str(HERE / ".engine")

# A locked cell that a student deleted is put back and earns what the state deserves.
c.OverwriteCells.add_missing_cells = True

# Seconds for one cell: a check waits for what is still starting, a real engine pulls images.
c.Execute.timeout = 300
c.Execute.extra_arguments = ["--log-level=ERROR"]

# HTML that a student wrote or printed runs nothing in your browser: not in formgrader, not in
# feedback.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {{
    "clean_html": "graders.nbgrader.harmless.clean_html",
    "markdown2html": "graders.nbgrader.harmless.markdown2html",
}}

# nbgrader's own list with two changes: an engine is readied before the notebook runs, and
# SaveScores stands for SaveAutoGrades. The one here marks a check that could not observe for
# manual grading; nbgrader's would give it 0 points, and full points to a cell without output.
c.Autograde.autograde_preprocessors = [
    "graders.nbgrader.engine.PrepareEngine",
    "nbgrader.preprocessors.Execute",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "graders.nbgrader.scores.SaveScores",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
'''

_README = """\
# {course_id}

An nbgrader course directory for the course on Docker networking and volumes, made by
`course init` (release {release}).

| in here | what it is |
| --- | --- |
| `source/` | the instructor's notebooks, with solutions, one folder for each assignment |
| `source/index.ipynb` | the course at a glance; put it beside the assignments that you hand out |
| `nbgrader_config.py` | nbgrader's configuration, with a comment at every line that matters |
| `{grade_book}` | the grade book |

## From source to grades

Run these here; `networking` is the assignment.

```console
$ nbgrader generate_assignment networking     # source/ -> release/, without solutions
$ nbgrader release_assignment networking      # to the exchange; or hand out release/networking
$ nbgrader collect networking                 # or copy to submitted/STUDENT/networking/
$ nbgrader autograde networking               # runs each submission, fills the grade book
$ nbgrader generate_feedback networking       # feedback/STUDENT/networking/*.html
```

Grading needs no Docker daemon and no root: each submission runs on the course's own embedded
engine, which is emptied before every notebook and ends with the command. The `docker` command
has to be there (`course doctor` says what is missing). To grade on a real daemon, set
`c.PrepareEngine.engine = "docker"` in `nbgrader_config.py`.

Submissions are programs that run with your rights while they are graded. Grade work of people
you do not trust as another user or in a container of its own.

## What the scores mean

A check consists of expectations with points of their own; half-right work earns half of them.
The feedback shows for each what was expected, what was found, and what to try.

A check that could not observe (the engine did not answer, a kernel died) never gives points and
never takes any: the exercise has no automatic score and waits for you under *manual grading*.
Grade it again with `nbgrader autograde networking --student NAME --force`.
"""


def init_course(directory: Path, course_id: str, *, catalog: Catalog | None = None) -> Path:
    """Make a course directory with all lessons that there are; returns its path.

    All or nothing: ``directory`` is new or empty before, and complete afterwards.

    :raises UsageError: for a course id that nbgrader or a file system would stumble over.
    :raises NotOurWorkspace: where the directory has something in it, or is a file.
    :raises CourseError: where it cannot be written.
    """
    catalog = catalog or course()
    if not COURSE_ID.match(course_id):
        raise UsageError(
            f"{course_id!r} is no course id", "letters, digits, '_', '-' and '.', as in docker-101"
        )
    directory = directory.absolute()
    _check_empty(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".course-init-") as scratch:
            made = Path(scratch) / "course"
            _write(made, course_id, catalog)
            directory.mkdir(exist_ok=True)
            for entry in made.iterdir():
                entry.rename(directory / entry.name)
    except OSError as error:
        raise CourseError(f"{directory} cannot be written: {error}") from None
    return directory


def _check_empty(directory: Path) -> None:
    if directory.is_dir():
        if any(directory.iterdir()):
            raise NotOurWorkspace(
                f"{directory} is not empty; nothing was changed", "name a new directory"
            )
    elif directory.exists() or directory.is_symlink():
        raise NotOurWorkspace(f"{directory} is no directory", "name a new directory")


def _write(made: Path, course_id: str, catalog: Catalog) -> None:
    (made / "source").mkdir(parents=True)
    # Beside the assignments, not in one: nbgrader does not see it.
    shutil.copyfile(catalog.index, made / "source" / catalog.index.name)
    for assignment in catalog.assignments:
        folder = made / "source" / assignment.name
        folder.mkdir(parents=True)
        for lesson in assignment.lessons:
            shutil.copyfile(catalog.notebook(lesson), folder / f"{lesson.name}.ipynb")
    words = {"course_id": course_id, "grade_book": GRADE_BOOK, "code_stub": CODE_STUB}
    (made / CONFIG).write_text(_CONFIG.format(**words), encoding="utf-8")
    readme = _README.format(release=_release(), **words)
    (made / "README.md").write_text(readme, encoding="utf-8")
    make_grade_book(made / GRADE_BOOK, course_id)


def make_grade_book(path: Path, course_id: str) -> None:
    """Make the grade book that nbgrader makes: its tables, and the revision of them.

    nbgrader asks a program of its own, ``alembic heads``, for the revision: two seconds of CPU, and
    it has to be on ``PATH``. Where the revision is there already, nbgrader asks nobody.

    :raises CourseError: where it cannot be made.
    """
    lean.import_nbformat()
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from nbgrader.api import Gradebook
    from nbgrader.dbutil import ALEMBIC_DIR
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    url = f"sqlite:///{path}"
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            MigrationContext.configure(connection).stamp(ScriptDirectory(ALEMBIC_DIR), "head")
        with Gradebook(url, course_id):
            pass
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise CourseError(f"the grade book cannot be made: {error}") from None
    finally:
        engine.dispose()


def _release() -> str:
    try:
        return version("docker-networking-volumes-course")
    except PackageNotFoundError:
        return "from a checkout"
