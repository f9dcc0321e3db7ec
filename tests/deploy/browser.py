"""Drives JupyterLab in Chromium as a student would."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.contract.harness import until

CHROMIUM = os.environ.get("COURSE_CHROMIUM") or shutil.which("chromium")
SECONDS = 1000
"""Playwright counts in milliseconds."""
PAGE_SECONDS = 150
KERNEL_SECONDS = 180
LESSON_SECONDS = 300
"""At most, on a busy machine."""


def require_chromium() -> str:
    """Path of Chromium; without one the test fails in CI and is skipped elsewhere."""
    if CHROMIUM:
        return CHROMIUM
    if os.environ.get("CI"):
        pytest.fail("chromium is missing")
    pytest.skip("chromium is missing: apt-get install chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A Chromium without a window."""
    # What is slow on a busy machine is not wrong.
    expect.set_options(timeout=PAGE_SECONDS * SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require_chromium(),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def profile_page(browser: Browser, url: str, shot: Path) -> Iterator[Page]:
    """A page in a fresh profile; its last picture lands in ``shot`` in any case."""
    # (A test's certificates are its own.)
    context = browser.new_context(
        viewport={"width": 1400, "height": 1000}, ignore_https_errors=True
    )
    page = context.new_page()
    page.set_default_timeout(PAGE_SECONDS * SECONDS)
    # JupyterLab's, where the file with its looks did not come, as happens on a busy machine. It
    # lies over everything until somebody closes it.
    notice = page.get_by_role("dialog", name="Error Loading Theme")
    page.add_locator_handler(notice, lambda shown: shown.locator("button").last.click())
    try:
        page.goto(url)
        yield page
    finally:
        page.screenshot(path=shot)
        context.close()


@contextmanager
def browser_page(url: str, shots: Path) -> Iterator[Page]:
    """A page in a browser of its own; its last picture lands in ``shots`` in any case."""
    with chromium() as browser, profile_page(browser, url, shots / "last.png") as page:
        yield page


def wait_for_kernel(page: Page, notebook: str) -> None:
    """Until the page is connected to the notebook's kernel, and that is idle.

    The server is asked: the page itself shows a kernel that is idle before it has any, and drops
    "Run All Cells" then.
    """
    page.wait_for_function(
        """async notebook => {
            const config = document.getElementById("jupyter-config-data").textContent;
            const answer = await fetch(JSON.parse(config).baseUrl + "api/sessions");
            const sessions = answer.ok ? await answer.json() : [];
            return sessions.some(({path, kernel}) => path.endsWith(notebook)
                && kernel.connections > 0 && kernel.execution_state === "idle");
        }""",
        arg=notebook,
        polling=250,
        timeout=KERNEL_SECONDS * SECONDS,
    )


def end_kernels(page: Page) -> None:
    """End all kernels of the server whose JupyterLab is open in the page."""
    page.evaluate(
        """async () => {
            const config = document.getElementById("jupyter-config-data").textContent;
            const sessions = JSON.parse(config).baseUrl + "api/sessions";
            const headers = {"X-XSRFToken": document.cookie.match(/_xsrf=([^;]*)/)[1]};
            for (const {id} of await (await fetch(sessions)).json())
                await fetch(`${sessions}/${id}`, {method: "DELETE", headers});
        }"""
    )


def run_all_cells(page: Page, notebook: str, code_cells: int) -> None:
    """Run → Run All Cells, until each of its code cells shows the number of its run."""
    wait_for_kernel(page, notebook)
    run = page.get_by_role("menuitem", name="Run", exact=True)
    all_cells = page.get_by_role("menuitem", name=re.compile(r"^Run All Cells$"))

    def is_offered() -> bool:
        """What a menu offers is settled when it opens: before the notebook is in front, nothing."""
        run.click()
        if all_cells.count():
            return True
        page.keyboard.press("Escape")
        return False

    until(is_offered, PAGE_SECONDS)
    all_cells.click()
    numbers = page.locator(".jp-NotebookPanel:visible .jp-CodeCell .jp-InputPrompt")
    ended = numbers.filter(has_text=re.compile(r"^\[\d+\]:$"))
    expect(ended).to_have_count(code_cells, timeout=LESSON_SECONDS * SECONDS)


def open_terminal(page: Page) -> None:
    """A new terminal, which has what is typed."""
    page.get_by_role("menuitem", name="File", exact=True).click(timeout=180 * SECONDS)
    page.locator(".lm-Menu-item", has_text="New Launcher").click()
    page.locator(".jp-LauncherCard:visible", has_text="Terminal").click()
    focus_terminal(page)


def focus_terminal(page: Page) -> None:
    """What is typed goes to the terminal that is in front."""
    page.locator(".jp-Terminal:visible .xterm-helper-textarea").focus()
