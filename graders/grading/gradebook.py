"""One open grade book for a whole run, and the scores of a submission that ran.

Every preprocessor of nbgrader opens the grade book anew, which looks up all its tables each time:
most of what nbgrader itself costs. Here, in the one process that writes, they share one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nbgrader import api, utils
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from course_lib.errors import CourseError
from graders.grading.model import NotebookResult
from graders.nbgrader.scores import SaveScores

LOCKED_SECONDS = 30
"""How long SQLite waits for another program, formgrader perhaps, to be done with the file."""
RESULT = "course_result"
"""Where a notebook's result lies among nbconvert's resources."""

_SQLITE = "sqlite:///"


def path_of(db_url: str) -> Path | None:
    """The grade book's file, where it is one."""
    return Path(db_url.removeprefix(_SQLITE)) if db_url.startswith(_SQLITE) else None


def wait_until_free(db_url: str, tell: Callable[[str], None]) -> None:
    """Wait while another program, formgrader perhaps, is at the grade book.

    :param tell: told that it waits, where it does.
    :raises CourseError: it did so for :data:`LOCKED_SECONDS`.
    """
    path = path_of(db_url)
    if path is None or not path.is_file():
        return
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as book:
        for seconds in (0, LOCKED_SECONDS):
            try:
                book.execute(f"pragma busy_timeout = {seconds * 1000}")
                book.execute("begin immediate")
                return
            except sqlite3.Error as error:
                if "locked" not in str(error):
                    return  # whoever reads it says what it is
            if not seconds:
                tell(f"the grade book is locked by another program; waiting {LOCKED_SECONDS} s")
    raise CourseError(
        "the grade book is locked by another program",
        "close formgrader; the same command goes on",
    )


@contextmanager
def shared_gradebook(db_url: str, course_id: str) -> Iterator[None]:
    """While it lasts, ``Gradebook(db_url)`` is the same connection again."""
    with api.Gradebook(db_url, course_id):
        pass  # makes the tables of a new one, as ever
    arguments = {"timeout": LOCKED_SECONDS} if db_url.startswith("sqlite") else {}
    engine = create_engine(db_url, connect_args=arguments, future=True)
    session = scoped_session(sessionmaker(autoflush=True, bind=engine, future=True))
    book: Any = api.Gradebook
    before = (book.__init__, book.close)
    courses: set[str] = set()

    def open_shared(
        self: Any, url: str, course_id: str = "default_course", authenticator: Any = None
    ) -> None:
        if url != db_url:
            before[0](self, url, course_id, authenticator)
            return
        self.engine, self.db = engine, session
        self.course_id, self.authenticator = course_id, authenticator
        if course_id not in courses:
            self.check_course(course_id=course_id)
            courses.add(course_id)

    def close_shared(self: Any) -> None:
        self.db.remove()
        if self.engine is not engine:
            self.engine.dispose()

    book.__init__, book.close = open_shared, close_shared
    try:
        yield
    finally:
        book.__init__, book.close = before
        session.remove()
        engine.dispose()


def listed_students(db_url: str, course_id: str) -> frozenset[str]:
    """The students that somebody has put there, with a name or an address; else none.

    nbgrader adds whoever hands something in, as an id alone, so that these make no list.
    """
    with api.Gradebook(db_url, course_id) as book:
        students: Any = book.students
        if not any(one.first_name or one.last_name or one.email for one in students):
            return frozenset()
        return frozenset(str(one.id) for one in students)


class SaveResults(SaveScores):
    """Scores as the checks gave them; what could not be judged waits for the instructor.

    The reason stands in the comment of the solution cell before.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Save the scores of one notebook."""
        self._result: NotebookResult = resources[RESULT]
        nb, resources = super().preprocess(nb, resources)
        words = resources["nbgrader"]
        place = (words["notebook"], words["assignment"], words["student"])
        solution = None
        with api.Gradebook(words["db_url"]) as book:
            for cell in nb.cells:
                if utils.is_solution(cell):
                    solution = cell.metadata["nbgrader"]["grade_id"]
                if not utils.is_grade(cell):
                    continue
                name = cell.metadata["nbgrader"]["grade_id"]
                if name in self._result.unjudged and solution is not None:
                    comment: Any = book.find_comment(solution, *place)
                    reason = self._result.unjudged[name]
                    comment.auto_comment = f"{name} could not be judged: {reason}"
                    book.db.commit()
        return nb, resources

    def _add_score(self, cell: Any, resources: Any) -> None:
        if cell.metadata["nbgrader"]["grade_id"] not in self._result.unjudged:
            super()._add_score(cell, resources)
            return
        grade: Any = self.gradebook.find_grade(
            cell.metadata["nbgrader"]["grade_id"],
            self.notebook_id, self.assignment_id, self.student_id,
        )  # fmt: skip
        grade.auto_score = None
        grade.needs_manual_grade = True
        self.gradebook.db.commit()
