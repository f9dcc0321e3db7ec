"""``course autograde`` on a course directory: what nbgrader's own command would have written."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest

from graders.result import SECONDS
from tests.grading.courses import NAME, Course
from tests.grading.notebooks import POINTS, RIGHT, text
from tests.notebooks.test_courses import NBGRADER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
HALF = {
    "publish-any-port": "!docker run -d --name web -p 18081:80 nginx",
    "publish-find-port": 'web_port = "localhost:18081"',
    "publish-two-ports": "!docker run -d --name site -p 8080:80 nginx\n1/0",
}
CHATTY = {**RIGHT, "publish-address": RIGHT["publish-address"] + "\nimport warnings\n"
          "warnings.warn('mind the gap')\nprint('a line')\n12.0"}  # fmt: skip


FULL = {name: (points, False) for name, points in POINTS.items()}


@pytest.mark.xdist_group("fixed-ports")  # nbgrader grades where the machine's ports are
def test_same_grade_book_and_notebooks_as_nbgrader(course: Course, tmp_path: Path) -> None:
    """What differs is in :func:`comparable`, each with its reason."""
    course.submit("right", dict(RIGHT))
    course.submit("half", HALF)
    course.submit("chatty", CHATTY)
    course.submit("untouched", {})
    course.hand_in("right", "notes of my own\n", "notes.txt")
    shutil.copytree(course.root, tmp_path / "stock")
    stock = Course(tmp_path / "stock", tmp_path / "stock-home")
    config = stock.root / "nbgrader_config.py"
    stock.run(NBGRADER, "autograde", "networking", "--course=of-another-name")
    rows = course.grade("--course=of-another-name")

    assert config.exists()
    assert {row["status"] for row in rows.values()} == {"graded"}
    assert rows["right"]["earned"] == 12
    assert tables(course) == tables(stock)
    for student in rows:
        mine, other = course.autograded(student), stock.autograded(student)
        for cell, twin in zip(comparable(mine)[0], comparable(other)[0], strict=True):
            assert cell == twin
        assert comparable(mine)[1:] == comparable(other)[1:]
        theirs = stock.root / "autograded" / student / "networking"
        ours = course.root / "autograded" / student / "networking"
        assert sorted(p.name for p in ours.iterdir()) == sorted(p.name for p in theirs.iterdir())
        for path in theirs.iterdir():
            assert path.stat().st_mode == (ours / path.name).stat().st_mode
    feedback, known = pages(course), pages(stock)
    assert feedback.keys() == known.keys() == rows.keys()
    for student, page in feedback.items():
        assert shown(page) == shown(known[student])
    assert "Found: site is published on host port 8080" in feedback["half"]


def test_what_is_graded_stays_and_an_interrupted_run_goes_on(course: Course) -> None:
    course.submit("ann", dict(RIGHT))
    assert course.grade()["ann"]["status"] == "graded"
    before = (course.root / "autograded" / "ann" / "networking").stat().st_mtime_ns
    course.submit("ben", {})
    # What an interrupted run leaves: a folder that is not complete.
    left = course.root / "autograded" / ".grading" / "ben" / "networking"
    left.mkdir(parents=True)
    (left / f"{NAME}.ipynb").write_text("half of it")
    rows = course.grade()
    assert {name: row["status"] for name, row in rows.items()} == {
        "ann": "skipped", "ben": "graded",
    }  # fmt: skip
    assert (course.root / "autograded" / "ann" / "networking").stat().st_mtime_ns == before
    assert not left.exists()
    assert course.scores("ann") == FULL
    assert course.grade("--force", "--student", "ben").keys() == {"ben"}


def test_an_excluded_student_is_left_out(course: Course) -> None:
    with (course.root / "nbgrader_config.py").open("a") as settings:
        settings.write('\nc.CourseDirectory.student_id_exclude = "ann,eva"\n')
    for student in ("ann", "ben"):
        course.submit(student, dict(RIGHT))
    rows = course.grade()
    assert {name: row["status"] for name, row in rows.items()} == {
        "ann": "excluded", "ben": "graded",
    }  # fmt: skip
    assert not (course.root / "autograded" / "ann").exists()


def test_one_notebook_of_several_is_graded_again_and_the_others_stay(course: Course) -> None:
    words = {
        "grade": True, "grade_id": "second", "locked": True, "points": 3, "schema_version": 3,
        "solution": False, "task": False,
    }  # fmt: skip
    second: Any = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    second.cells = [nbformat.v4.new_code_cell("assert 1", metadata={"nbgrader": words})]  # type: ignore[no-untyped-call]
    (course.root / "source" / "networking" / "second.ipynb").write_text(text(second))
    course.run(NBGRADER, "generate_assignment", "networking", "--force")
    course.submit("ann", dict(RIGHT))
    course.hand_in("ann", text(second), "second.ipynb")
    course.hand_in("ann", "mine\n", "folder/notes.txt")
    assert course.grade()["ann"]["earned"] == 15
    place = course.root / "autograded" / "ann" / "networking"
    before = {path: path.stat().st_mtime_ns for path in place.glob("*.ipynb")}
    course.hand_in("ann", "yours\n", "folder/notes.txt")
    row = course.grade("--notebook", "second", "--force")["ann"]
    assert (row["status"], row["earned"]) == ("graded", 15)
    after = {path: path.stat().st_mtime_ns for path in place.glob("*.ipynb")}
    assert [path.name for path in before if before[path] != after[path]] == ["second.ipynb"]
    assert (place / "folder" / "notes.txt").read_text() == "yours\n"


def test_cells_that_were_deleted_or_forged_are_restored(course: Course) -> None:
    path = course.submit("deleted", dict(RIGHT))
    document = json.loads(path.read_text())
    keep = ("publish-any-port", "publish-any-port-work", "publish-find-port-work")
    work = "\n".join(RIGHT[name] for name in ("publish-two-ports", "publish-address"))
    document["cells"] = [
        cell
        for cell in document["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade_id", keep[0]) in keep
    ]
    document["cells"][-1]["source"] += "\n" + work
    path.write_text(json.dumps(document))

    path = course.submit("forged", {})
    document = json.loads(path.read_text())
    for cell in document["cells"]:
        words = cell["metadata"].get("nbgrader")
        if words and words["grade"]:
            words.update(points=1000, solution=True, locked=False)
            cell["source"] = "1000.0"
        elif words:
            words.update(grade=True, points=1000)
    extra: Any = nbformat.v4.new_code_cell("1000.0")  # type: ignore[no-untyped-call]
    extra.metadata["nbgrader"] = {
        "grade": True, "grade_id": "invented", "locked": True, "points": 1000, "solution": False,
        "schema_version": 3, "task": False,
    }  # fmt: skip
    document["cells"].append(json.loads(json.dumps(extra)))
    path.write_text(json.dumps(document))

    rows = course.grade()
    assert rows["deleted"]["earned"] == 12
    assert (rows["forged"]["earned"], rows["forged"]["points"]) == (0, 12)


def test_what_could_not_be_judged_waits_with_its_reason(course: Course) -> None:
    course.submit("dead", {**RIGHT, "publish-two-ports": "import os\nos._exit(3)"})
    row = course.grade()["dead"]
    assert (row["status"], row["earned"]) == ("attention", 6)
    assert "cell 6: the kernel ended (exit code 3)" in " ".join(row["notes"])
    assert course.scores("dead") == {
        "publish-any-port": (4.0, False),
        "publish-find-port": (2.0, False),
        "publish-two-ports": (None, True),
        "publish-address": (None, True),
    }
    comments = [row[0] for row in course.query("select auto_comment from comment") if row[0]]
    assert any("publish-two-ports could not be judged" in text for text in comments)


# --- comparing -----------------------------------------------------------------------------


def pages(course: Course) -> dict[str, str]:
    """By student the page of feedback."""
    course.run(NBGRADER, "generate_feedback", "networking")
    found = (course.root / "feedback").glob(f"*/networking/{NAME}.html")
    return {path.parts[-3]: path.read_text() for path in found}


def shown(page: str) -> list[str]:
    """The page, element by element, without what two runs of the same do not share.

    Pictures and numbers, as in :func:`comparable`.
    """
    page = re.sub(r'src="data:image/[^"]*"', 'src="…"', page)
    return [line for part in page.split("<") if (line := _masked(part).strip())]


def tables(course: Course) -> dict[str, list[Any]]:
    """Every score, comment and submission, told by names instead of random keys."""
    place = (
        " join submitted_notebook s on s.id = {0}.notebook_id"
        " join submitted_assignment a on a.id = s.assignment_id"
        " join base_cell on base_cell.id = {0}.cell_id"
        " join notebook n on n.id = s.notebook_id"
        " order by a.student_id, n.name, base_cell.name"
    )
    return {
        "grade": course.query(
            "select a.student_id, n.name, base_cell.name, base_cell.type, auto_score,"
            " manual_score, extra_credit, needs_manual_grade from grade" + place.format("grade")
        ),
        "comment": course.query(
            "select a.student_id, n.name, base_cell.name, auto_comment, manual_comment"
            " from comment" + place.format("comment")
        ),
        "notebook": course.query(
            "select a.student_id, s.late_submission_penalty, a.timestamp, a.extension"
            " from submitted_notebook s join submitted_assignment a on a.id = s.assignment_id"
            " order by a.student_id"
        ),
        "student": course.query("select id, first_name, last_name, email from student order by id"),
        "course": course.query("select id from course order by id"),
    }


def comparable(document: Any) -> Any:
    """A notebook without what two runs of the same do not share.

    Times in ``execution``; numbers (ports, IDs, addresses); and how a stream was cut into pieces:
    ipykernel sends what was printed every 0.2 s, here it comes in one piece. A traceback's text is
    told by its first and last line alone: it quotes a file name that holds a process number. How
    long an exercise took (``seconds`` at a check's output) nbgrader does not know.
    """
    cells = []
    for cell in document["cells"]:
        metadata = {k: v for k, v in cell["metadata"].items() if k != "execution"}
        cells.append(
            (
                cell["cell_type"], "".join(cell["source"]), metadata, cell.get("id"),
                cell.get("execution_count"), _outputs(cell.get("outputs", [])),
            )
        )  # fmt: skip
    return cells, document["metadata"], document["nbformat"], document["nbformat_minor"]


def _outputs(outputs: list[Any]) -> list[Any]:
    found: list[Any] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            printed = _masked("".join(output["text"]))
            if found and found[-1][:2] == ("stream", output["name"]):
                printed = found.pop()[2] + printed
            found.append(("stream", output["name"], printed))
        elif kind == "error":
            found.append((kind, output["ename"], _masked(output["evalue"])))
        else:
            data = {
                mime: "…" if mime.startswith("image/") else _masked(json.dumps(value))
                for mime, value in output["data"].items()
            }
            metadata = {k: v for k, v in output["metadata"].items() if k != SECONDS}
            found.append((kind, data, metadata, output.get("execution_count")))
    return found


def _masked(printed: str) -> str:
    printed = re.sub(r"unix://[^\s·\"<]+", "unix://", printed)
    printed = re.sub(r"(/tmp/|/var/)\S+", "/file", printed)
    return re.sub(r"[0-9a-f]{12,}|\d+(\.\d+)*", "#", printed)
