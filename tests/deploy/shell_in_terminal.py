"""A shell of a container in JupyterLab's terminal, used as a student uses it: key by key."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

from tests.deploy.browser import focus_terminal

LEFT, UP, BACKSPACE, TAB = "ArrowLeft", "ArrowUp", "Backspace", "Tab"
ROWS = ".jp-Terminal:not(.lm-mod-hidden) .xterm-accessibility-tree"


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

    # Back in the terminal's own shell.
    page.keyboard.type("clear; echo left with $?\n")
    _see(page, "left with 0", None)


def _press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def _see(page: Page, *rows: str | None) -> None:
    """Wait until the last rows with something on them are these; ``None`` is any."""
    page.wait_for_function(
        """([selector, wanted]) => {
            const rows = [...document.querySelector(selector).children].map(
                row => row.textContent.replace(/\\u00a0/g, " ").trimEnd());
            while (rows.length && rows.at(-1) === "") rows.pop();
            return wanted.every(
                (row, n) => row === null || row === rows.at(n - wanted.length));
        }""",
        arg=[ROWS, list(rows)],
        polling=100,
    )
