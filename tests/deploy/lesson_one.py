"""The first lesson as a student does it: answers in the notebook, results on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, expect

from tests.deploy.browser import SECONDS, scroll_through

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
    """Fill in exercises as a student does who saved the notebook yesterday; how many cells."""
    content = read(notebook)
    for cell in content.cells:
        answer = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
        if answer is not None:
            cell.source = answer
    nbformat.write(content, notebook)  # type: ignore[no-untyped-call]
    return len(content.cells)


def go_to_top(page: Page) -> None:
    """Show the notebook's first cells."""
    panel = page.locator(".jp-NotebookPanel:visible")
    panel.locator(".jp-WindowedPanel-outer").first.evaluate("node => node.scrollTo(0, 0)")


def expect_full_points(page: Page, shots: Path) -> None:
    """Every check of the lesson shows all its points."""
    panel = page.locator(".jp-NotebookPanel:visible")
    for exercise, points in RESULTS:
        result = panel.locator(".jp-OutputArea-output", has_text=exercise)
        for step in range(240):
            if result.count():
                break
            if step % 60 == 0:
                # From the top, again and again: only what is in view exists in the page.
                go_to_top(page)
            scroll_through(page, 1)
            page.wait_for_timeout(250)
        result.first.scroll_into_view_if_needed()
        page.screenshot(path=shots / f"{points.replace(' ', '-')}.png")
        expect(result.first).to_contain_text(points, timeout=60 * SECONDS)


def scroll_to(page: Page, cells: int, selector: str) -> Locator:
    """The first such thing in the notebook, in view; cells are drawn when they are scrolled to."""
    found = page.locator(".jp-NotebookPanel:visible").locator(selector)
    go_to_top(page)
    for _ in range(cells):
        if found.count():
            break
        scroll_through(page, 1)
    found.first.scroll_into_view_if_needed()
    return found.first


def show_picture(page: Page, cells: int, shots: Path) -> None:
    """The picture of the first server, as the student sees it."""
    picture = scroll_to(page, cells, ".jp-OutputArea-output :is(svg[role=img], img[alt])")
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 300
    page.screenshot(path=shots / "picture.png")


def show_page(page: Page, cells: int, shots: Path) -> None:
    """The page that `lab.open` shows inline, by way of the server's own address."""
    inside = scroll_to(page, cells, "iframe[title^='Page on port']").content_frame
    expect(inside.get_by_role("heading", name="Welcome to nginx!")).to_be_visible()
    page.screenshot(path=shots / "page.png")
