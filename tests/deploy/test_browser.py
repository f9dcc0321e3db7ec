"""The main job as a newcomer meets it: ``course lab``, and the first lesson in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.deploy import lesson_one
from tests.deploy.browser import browser_page, end_kernels, open_terminal
from tests.deploy.processes import end_group
from tests.deploy.shell_in_terminal import read_screens_aloud, use_shell

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(600),
    # The lesson publishes on ports that its text names: one such test at a time.
    pytest.mark.xdist_group("fixed-ports"),
]


@dataclass(frozen=True, slots=True)
class Lab:
    """A running ``course lab``: its address with token, and the student's folder."""

    url: str
    folder: Path


def course(*words: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "course_lib.cli", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )


def printed_url(process: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> str:
    """The address that JupyterLab prints once it serves."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        found = re.search(r"http://(127\.0\.0\.1|localhost):\d+/\S*token=\w+", log.read_text())
        if found:
            return found[0]
        time.sleep(0.1)
    raise AssertionError(f"no address printed:\n{log.read_text()}")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user's surroundings of its own, so that no engine or setting of the developer's is met."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "DOCKER_", "XDG_"))
    }
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    (tmp_path / "home").mkdir()
    return clean | {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(runtime)}


@pytest.fixture
def lab(tmp_path: Path, environ: dict[str, str]) -> Iterator[Lab]:
    read_screens_aloud(Path(environ["HOME"]))
    folder = tmp_path / "work"
    log = tmp_path / "lab.log"
    words = ["lab", str(folder), "--engine", "embedded", "--no-browser"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.cli", *words],
            env=environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Lab(printed_url(process, log), folder)
    finally:
        end_group(process)
        assert course("engine", "stop", environ=environ).returncode == 0


def test_first_lesson_in_chromium(lab: Lab, tmp_path: Path) -> None:
    notebook = lab.folder / lesson_one.NOTEBOOK
    # The first exercise is typed in the browser.
    typed = "publish-any-port-work"
    cells = lesson_one.write_answers(
        notebook, {name: work for name, work in lesson_one.WORK.items() if name != typed}
    )
    with browser_page(lab.url, tmp_path) as page:
        panel = page.locator(".jp-NotebookPanel:visible")
        expect(panel.get_by_role("heading", name="Publish a service")).to_be_visible()

        # Go to the first exercise, and type the command.
        work = panel.locator(".jp-CodeCell", has_text="# Start web here.")
        work.scroll_into_view_if_needed()
        work.locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.type(lesson_one.FIRST)

        lesson_one.run(page, cells, tmp_path)
        lesson_one.show_picture(page, tmp_path)
        lesson_one.show_page(page, tmp_path)

        page.keyboard.press("Control+s")
        expect(page.locator("#jp-main-statusbar")).to_contain_text("Saving completed")

        # The same engine in a terminal.
        open_terminal(page)
        use_shell(page)

        # Opened again when its kernel is gone: widgets are dead, what stands in for them is not.
        end_kernels(page)
        page.goto(lab.url)
        lesson_one.answer_still_question(page)

        # And the page of `site`, by the address of the link that `lab.open` shows.
        page.goto(re.sub(r"/lab/tree/[^?]*", "/proxy/8080/", lab.url))
        expect(page.get_by_role("heading", name="Welcome to nginx!")).to_be_visible()

        # And where nobody listens (9 is the port of "discard").
        page.goto(re.sub(r"/lab/tree/[^?]*", "/proxy/9/", lab.url))
        expect(page.get_by_role("heading", name="Nothing answers on this port")).to_be_visible()

    saved = lesson_one.read(notebook)
    errors = [
        output.ename
        for cell in saved.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert errors == []
