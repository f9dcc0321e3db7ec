"""The first lesson as a student does it: answers in the notebook, results on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nbformat
from playwright.sync_api import Page, expect

from course_lib.questions import find
from tests.deploy.browser import run_all_cells

NOTEBOOK = Path("networking/publish-a-service.ipynb")
FIRST = "!docker run -d -P --name web nginx"
WORK = {
    "publish-any-port-work": FIRST,
    "publish-find-port-work": 'lines = !docker port web 80\nweb_port = lines[0].split(":")[-1]',
    "publish-two-ports-work": "!docker run -d --name site -p 8080:80 -p 8888:80 nginx",
    "publish-address-work": "lines = !docker exec web hostname -i\nweb_address = lines[0].strip()",
}
RESULTS = (
    ("A page on a port that Docker chose", "4 of 4 points"),
    ("Find the published port", "2 of 2 points"),
    ("One server on two ports", "4 of 4 points"),
    ("The container's own address", "2 of 2 points"),
)


def read(notebook: Path) -> nbformat.NotebookNode:
    return nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call, no-any-return]


def write_answers(notebook: Path, answers: Mapping[str, str] = WORK) -> int:
    """Fill in exercises as a student does who saved the notebook yesterday; its code cells."""
    content = read(notebook)
    for cell in content.cells:
        answer = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if answer is not None:
            cell.source = answer
    nbformat.write(content, notebook)  # type: ignore[no-untyped-call]
    return sum(cell.cell_type == "code" for cell in content.cells)


def run(page: Page, code_cells: int, shots: Path) -> None:
    """Run all cells of the open notebook; every check shows all its points."""
    run_all_cells(page, NOTEBOOK.name, code_cells)
    panel = page.locator(".jp-NotebookPanel:visible")
    for exercise, points in RESULTS:
        result = panel.locator(".jp-OutputArea-output", has_text=exercise).first
        result.scroll_into_view_if_needed()
        page.screenshot(path=shots / f"{points.replace(' ', '-')}.png")
        expect(result).to_contain_text(points)


def show_picture(page: Page, shots: Path) -> None:
    """The picture of the first server, as the student sees it."""
    panel = page.locator(".jp-NotebookPanel:visible")
    picture = panel.locator(".jp-OutputArea-output :is(svg[role=img], img[alt])").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 300
    page.screenshot(path=shots / "picture.png")


def answer_still_question(page: Page) -> None:
    """A question of the lesson without its widget: the right answer opens and says why."""
    question = find("publish-expose")
    right = next(option for option in question.options if option.right)
    panel = page.locator(".jp-NotebookPanel:visible")
    answer = panel.locator("details", has_text=right.why.replace("`", ""))
    answer.locator("summary").click()
    expect(answer.get_by_text("Right.", exact=True)).to_be_visible()
    dead = panel.locator(".jp-OutputArea-child", has_text="widget").filter(visible=True)
    expect(dead).to_have_count(0)


def show_page(page: Page, shots: Path) -> None:
    """The page that `lab.open` shows inline, by way of the server's own address."""
    panel = page.locator(".jp-NotebookPanel:visible")
    frame = panel.locator("iframe[title^='Page on port']").first
    frame.scroll_into_view_if_needed()
    inside = frame.content_frame.get_by_role("heading", name="Welcome to nginx!")
    expect(inside).to_be_visible()
    page.screenshot(path=shots / "page.png")
