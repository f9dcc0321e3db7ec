"""One open grade book for a whole run, and the scores of a submission that ran.

Every preprocessor of nbgrader opens the grade book anew, which looks up all its tables each time:
most of what nbgrader itself costs. Here, in the one process that writes, they share one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nbgrader import api, utils
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from graders.grading.model import NotebookResult
from graders.nbgrader.scores import SaveScores

LOCKED_SECONDS = 30
"""How long SQLite waits for another program, formgrader perhaps, to be done with the file."""
RESULT = "course_result"
"""Where a notebook's result lies among nbconvert's resources."""


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
