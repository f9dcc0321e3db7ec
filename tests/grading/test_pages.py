"""What comes after grading: the feedback, formgrader and the report of a graded course.

One student's work is graded once for all of it. It is half right, ends its kernel, and tries to
run scripts in the browser of whoever looks at it.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from playwright.sync_api import expect

from course_lib.cli import main
from graders.nbgrader.export import CanvasExport
from tests.contract.harness import free_port, until
from tests.deploy.browser import browser_page
from tests.deploy.processes import end_group
from tests.grading.courses import NAME, Course
from tests.grading.test_class import HALF
from tests.notebooks.test_courses import NBGRADER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("pages")]
HIT = "window.hit = 1"
HOSTILE = {
    "publish-any-port": HALF["publish-any-port"],
    "publish-find-port": (
        "from IPython.display import HTML, Javascript, Markdown, display\n"
        f"web_port = '<script>{HIT}</script>'\n"
        f"display(HTML('<script>{HIT}</script><img src=x onerror=\"{HIT}\">'))\n"
        f"display(Javascript('{HIT}'))\n"
        f'display(Markdown(\'<svg onload="{HIT}"></svg> <a href="javascript:{HIT}">a</a>\'))\n'
        f"print('<script>{HIT}</script>')"
    ),
    "publish-two-ports": "import os\nos._exit(3)",
}
WHY = "the kernel ended (exit code 3)"


class Active(HTMLParser):
    """Everything in a page that a browser would run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.text = ""
        self._script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._script = tag == "script"
        if tag == "img":
            self.pictures.append(dict(attrs))
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.found.append(value or "")
            if name in ("srcdoc", "data"):
                self.found.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._script = self._script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._script:
            self.found.append(data)
        else:
            self.text += data


@pytest.fixture(scope="module")
def graded(made: Course, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course with one graded submission."""
    import shutil

    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(made.root, folder / "course")
    course = Course(folder / "course", folder / "home")
    path = course.submit("mal", HOSTILE)
    document = json.loads(path.read_text())
    cell: Any = nbformat.v4.new_markdown_cell(  # type: ignore[no-untyped-call]
        f"# Mine\n\n> quoted\n\n<script>{HIT}</script>\n\n<img src=x onerror='{HIT}'>"
    )
    document["cells"].append(cell)
    path.write_text(json.dumps(document))
    assert course.grade()["mal"]["status"] == "attention"
    return course


def looks_right(page: str) -> None:
    """The results are there as they were in the notebook, and nothing of the student's runs."""
    seen = Active(page)
    assert not [code for code in seen.found if "window.hit" in code]
    assert "port 80 is published on host port 18081" in seen.text
    assert "Try:" in seen.text
    assert f"web_port is '<script>{HIT}</script>'" in " ".join(seen.text.split())
    assert "could not be judged" in seen.text
    assert WHY in seen.text
    pictures = [one for one in seen.pictures if "expected, not found" in (one["alt"] or "")]
    assert pictures
    for picture in pictures:
        assert str(picture["src"]).startswith("data:image/svg+xml;base64,")
    assert "<blockquote>" in page


def test_the_report_is_of_the_same_grades(
    graded: Course, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["report", "networking", "--course", str(graded.root)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "networking: 1 student, 1 graded; mean" in printed
    assert WHY in printed
    html, table = tmp_path / "report.html", tmp_path / "report.csv"
    assert main([*words, "--html", str(html), "--csv", str(table)]) == 0
    page = html.read_text()
    assert not Active(page).found
    assert WHY in page
    assert "web_port is &#39;&lt;script&gt;" in page
    with table.open(newline="") as file:
        seconds = {row["exercise"]: row["seconds"] for row in csv.DictReader(file)}
    assert float(seconds["publish-any-port"]) > 0


@pytest.fixture(scope="module")
def server(graded: Course) -> Iterator[str]:
    """A Jupyter server with formgrader on that course; its address."""
    port = free_port()
    words = [
        "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
        "--IdentityProvider.token=", f"--ServerApp.root_dir={graded.root}", "--allow-root",
        '--ServerApp.jpserver_extensions={"nbgrader.server_extensions.formgrader": True}',
    ]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter", "server", *words], cwd=graded.root,
        env={**graded.environment, "JUPYTER_CONFIG_DIR": str(graded.root / "none")},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}/formgrader"
    try:
        until(lambda: process.poll() is not None or answers(address), 120)
        yield address
    finally:
        end_group(process)


def answers(address: str) -> bool:
    try:
        get(address)
    except OSError:
        return False
    return True


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def test_formgrader_shows_scores_and_what_waits(graded: Course, server: str) -> None:
    for page in ("", "/gradebook/networking", f"/gradebook/networking/{NAME}", "/manage_students"):
        assert "<title>" in get(server + page)
    (entry,) = json.loads(get(f"{server}/api/submissions/networking"))
    assert (entry["student"], entry["score"], entry["needs_manual_grade"]) == ("mal", 1.5, True)
    (entry,) = json.loads(get(f"{server}/api/submitted_notebooks/networking/{NAME}"))
    assert (entry["score"], entry["max_score"], entry["needs_manual_grade"]) == (1.5, 12, True)
    looks_right(get(f"{server}/submissions/{entry['id']}/"))
    comments = json.loads(get(f"{server}/api/comments?submission_id={entry['id']}"))
    assert any(WHY in (comment["auto_comment"] or "") for comment in comments)
    grades = {
        g["name"]: g for g in json.loads(get(f"{server}/api/grades?submission_id={entry['id']}"))
    }
    assert grades["publish-any-port"]["auto_score"] == 1.5
    assert grades["publish-two-ports"]["needs_manual_grade"]


@pytest.mark.browser
def test_points_given_by_hand_stay(graded: Course, server: str, tmp_path: Path) -> None:
    """In a browser, as an instructor does; then graded anew, fed back, and passed on."""
    with browser_page(f"{server}/manage_submissions/networking", tmp_path) as page:
        row = page.get_by_role("row", name="mal")
        expect(row).to_contain_text("needs manual grading")
        page.goto(f"{server}/manage_students/mal/networking")
        page.get_by_role("link", name=NAME).click()
        expect(page.locator("input.score.needs_manual_grade")).to_have_count(2)
        for grade_id, points in (("publish-two-ports", "2.5"), ("publish-address", "1")):
            box = page.locator(f"input.score[id='{grade_id}']")
            box.fill(points)
            with page.expect_response(lambda answer: answer.request.method == "PUT"):
                box.press("Tab")
        comment = page.locator("textarea.comment").last
        comment.fill("Seen, and nearly right.")
        with page.expect_response(lambda answer: answer.request.method == "PUT"):
            comment.press("Tab")
        expect(page.locator("input.score.needs_manual_grade")).to_have_count(0)
    assert exported(graded) == ["5"]
    row = graded.grade("--force")["mal"]
    assert (row["status"], row["earned"]) == ("attention", 5.0)
    graded.run(NBGRADER, "generate_feedback", "networking")
    feedback = (graded.root / "feedback" / "mal" / "networking" / f"{NAME}.html").read_text()
    looks_right(feedback)
    assert "Seen, and nearly right." in feedback
    # Whoever gave them has to look again, now that there is something new to look at.
    assert exported(graded) == []


def exported(course: Course) -> list[str]:
    """The points as Canvas gets them."""
    target = course.root / "canvas.csv"
    make: Any = CanvasExport
    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "docker-101") as book:
        make(to=str(target)).export(book)
    with target.open(newline="") as file:
        return [row["networking"] for row in csv.DictReader(file)][1:]
