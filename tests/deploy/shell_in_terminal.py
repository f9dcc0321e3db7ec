"""A shell of a container in JupyterLab's terminal, used as a student uses it: key by key."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, TimeoutError

from tests.deploy.browser import SECONDS, focus_terminal

LEFT, UP, BACKSPACE, TAB = "ArrowLeft", "ArrowUp", "Backspace", "Tab"
ROWS = ".jp-Terminal:not(.lm-mod-hidden) .xterm-accessibility-tree"
SCREEN = r"""(rows => rows.slice(0, rows.findLastIndex(row => row !== "") + 1))(
    [...document.querySelector(selector).children].map(
        row => row.textContent.replace(/\u00a0/g, " ").trimEnd()))"""
"""JavaScript: the rows of a terminal up to the last one with something on it."""
SHOWN_SECONDS = 180
"""At most, on a busy machine."""
ANY = re.compile(r"\S")
OUTSIDE = "outside>"
"""Prompt of the terminal's own shell."""


def read_screens_aloud(home: Path) -> None:
    """Let JupyterLab's terminals have their rows as text, as for a screen reader.

    Otherwise they are pixels on a canvas. To be called before JupyterLab starts.

    :param home: the home of who uses JupyterLab.
    """
    folder = home / ".jupyter/lab/user-settings/@jupyterlab/terminal-extension"
    folder.mkdir(parents=True)
    (folder / "plugin.jupyterlab-settings").write_text('{"screenReaderMode": true}')


def use_shell(page: Page) -> None:
    """``docker run -it``, and the keys that everybody uses at a prompt; ends with Ctrl-D.

    Each step waits for the last rows of the screen to be what they should be.
    """
    _see(page, ANY)  # the terminal's own shell is there
    page.keyboard.type(f"PS1='{OUTSIDE} '; clear\n")
    _see(page, OUTSIDE)
    page.keyboard.type("clear; docker run -it --rm alpine sh\n")
    _see(page, "/ #")

    # A line is edited: arrows, Ctrl-A, backspace.
    page.keyboard.type("echo wrld")
    _press(page, LEFT, LEFT, LEFT)
    page.keyboard.type("o\n")
    _see(page, "/ # echo world", "world", "/ #")
    page.keyboard.type("twoo")
    _press(page, BACKSPACE, "Control+a")
    page.keyboard.type("echo one ")
    _see(page, "/ # echo one two")
    _press(page, "Enter")
    _see(page, "/ # echo one two", "one two", "/ #")

    # The history.
    _press(page, UP, UP)
    _see(page, "/ # echo world")
    _press(page, "Enter")
    _see(page, "/ # echo world", "world", "/ #")

    # Ctrl-C ends the program, not the shell.
    page.keyboard.type("echo up; sleep 100\n")
    _see(page, "/ # echo up; sleep 100", "up")
    _press(page, "Control+c")
    _see(page, "up", "^C", "/ #")
    page.keyboard.type("echo $?\n")
    _see(page, "/ # echo $?", "130", "/ #")

    # A file name is completed.
    page.keyboard.type("cat /etc/alpine-r")
    _press(page, TAB)
    focus_terminal(page)  # for screen readers the key moves on as well, as in any page
    _see(page, "/ # cat /etc/alpine-release")
    _press(page, "Control+u", "Control+d")

    # Back in the terminal's own shell. (Until then `docker` reads what is typed.)
    _see(page, re.compile(rf"{OUTSIDE}$"))
    page.keyboard.type("clear; echo left with $?\n")
    _see(page, "left with 0", OUTSIDE)


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _see(page: Page, *rows: str | re.Pattern[str]) -> None:
    """Wait until the last rows with something on them are these."""
    wanted = [row.pattern if isinstance(row, re.Pattern) else f"^{re.escape(row)}$" for row in rows]
    try:
        page.wait_for_function(
            f"""([selector, wanted]) => {{
                const rows = {SCREEN};
                return wanted.every(
                    (row, n) => RegExp(row).test(rows.at(n - wanted.length) ?? ""));
            }}""",
            arg=[ROWS, wanted],
            polling=100,
            timeout=SHOWN_SECONDS * SECONDS,
        )
    except TimeoutError as error:
        shown = page.evaluate(f"selector => {SCREEN}", ROWS)
        raise AssertionError(f"wanted at the end: {wanted}; shown: {shown}") from error
