"""Outputs stored in the lessons: made on a fresh embedded engine with a fixed seed.

What is stored is what nbval compares: text. Pictures and panels have a text of their own beside
their HTML; that text is stored, the HTML is not. A cell whose output changes while it runs (the
line of ``lab.start``) has none, nor have those that ``outputs.toml`` says never to compare.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbval.plugin
from nbclient import NotebookClient
from nbval.plugin import get_sanitize_patterns

from course_lib import lean
from course_lib.showing import UNATTENDED
from tests.contract.engines import answers
from tests.contract.harness import until

SEED = "1"
HERE = Path(__file__).parent
FOLDER = "docker-course"
"""Name of the folder in which a lesson runs: paths that end in it are compared as one."""
_TABLE = tomllib.loads((HERE / "outputs.toml").read_text(encoding="utf-8"))
NEVER: Mapping[str, str] = _TABLE["never"]
ONLY_EXACTLY: Mapping[str, str] = _TABLE["exactly-only"]
"""Cells by ID, and why they are not compared at all, or only where even IDs are equal."""
LISTS = re.compile(
    r"docker (ps|images|info|(network|volume|image|container|service|node) (ls|prune)|system)\b"
    r"|lab\.(draw|diff|describe|live|topology)\("
    r"|!.*docker (logs\b|.* sh -c)"
)
"""In cells that list what an engine has: in the order of IDs, and on dockerd what others have.

Also in lines whose programs may print to both streams, which dockerd passes on in any order.
"""
EXACTLY = "COURSE_NBVAL_EXACTLY"
"""Environment variable: set where nbval compares on a fresh engine with the seed."""
ALONE = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
"""pytest's own: without the plug-ins of our other tests, which take longer to load than nbval."""
KEPT = frozenset({"text/plain"})
"""MIME types that are stored and compared."""
STAGE = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "80", "PYTHONHASHSEED": "0", UNATTENDED: "1"}
"""Of the environment, what outputs depend on; also, nobody presses the buttons of questions."""


_TERMINAL_LINE_END = re.compile(r"\r+\n")


def mend_nbval() -> None:
    """Let nbval keep lines that end in two carriage returns: it takes the first for "back to the
    beginning of the line" and drops what stands before it.
    """
    nbval.plugin.carriagereturn_pat = re.compile(r"^.*\r(?=[^\r\n])", re.MULTILINE)


@contextmanager
def seeded_engine(folder: Path) -> Iterator[dict[str, str]]:
    """A fresh embedded engine whose IDs repeat; gives the environment that leads to it."""
    socket = folder / "engine.sock"
    with (folder / "engine.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-m", "course_lib.engine",
                "--socket", socket, "--state", folder / "engine",
                "--seed", SEED, "--host-name", "docker-host",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        until(lambda: process.poll() is not None or answers(str(socket)))
        assert process.poll() is None, (folder / "engine.log").read_text()[-2000:]
        yield environment(f"unix://{socket}", folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def environment(docker_host: str, folder: Path) -> dict[str, str]:
    """Of a kernel that works on this engine, with journals of its own below ``folder``."""
    inherited = {name: value for name, value in os.environ.items() if name != "COURSE_ENGINE"}
    data = {"XDG_DATA_HOME": str(folder / "data")}
    return {**inherited, **STAGE, **data, "DOCKER_HOST": docker_host}


def outputs_of(notebook: Any, folder: Path, environment: Mapping[str, str]) -> None:
    """Execute ``notebook`` in ``folder`` and leave in its cells what is to be stored."""
    mend_nbval()
    client = _AsNbvalSees(
        notebook, timeout=300, resources={"metadata": {"path": str(folder)}},
        shutdown_kernel="immediate", store_widget_state=False, record_timing=False,
    )  # fmt: skip
    with client.setup_kernel(env=dict(environment), stderr=subprocess.DEVNULL):
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
            if cell.cell_type == "code":
                _trim(cell, changed=index in client.changed)


def words(outputs: Any, patterns: Mapping[str, str]) -> list[Any]:
    """What is compared of a cell's outputs."""
    found: list[Any] = []
    for output in outputs:
        for given in (output.get("text"), (output.get("data") or {}).get("text/plain")):
            text = given
            if text is not None:
                for regex, replacement in patterns.items():
                    text = re.sub(regex, replacement, text)
            found.append(text)
    return found


def patterns(*names: str) -> dict[str, str]:
    """Regular expressions and what stands for their matches, of the sanitize files named."""
    text = "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)
    return dict(get_sanitize_patterns(text))  # type: ignore[no-untyped-call]


class _AsNbvalSees(NotebookClient):
    """Takes no notice of outputs that are changed or cleared later, but for saying which were."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        self.changed: set[int] = set()

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("update_display_data", "clear_output"):
            self.changed.add(cell_index)
            return None
        return super().process_message(msg, cell, cell_index)


def _trim(cell: Any, *, changed: bool) -> None:
    cell.metadata.pop("execution", None)
    if changed or cell.id in NEVER:
        cell.outputs, cell.execution_count = [], None
        return
    cell.outputs = nbval.plugin.coalesce_streams(cell.outputs)  # type: ignore[no-untyped-call]
    for output in cell.outputs:
        if "text" in output:
            # What a command prints passes a terminal, which ends lines so.
            output.text = _TERMINAL_LINE_END.sub("\n", output.text)
        if "data" in output:
            output.data = {mime: value for mime, value in output.data.items() if mime in KEPT}
            output.metadata = {}


def compare(
    notebook: Path,
    folder: Path,
    environment: Mapping[str, str],
    *,
    exactly: bool,
    prefix: Sequence[str] = (),
) -> None:
    """Run ``notebook`` by nbval and let it compare all that is stored.

    :param folder: an empty one to work in; a second time it is the same, with what lies there.
    :param exactly: IDs, addresses and lists as well, on a fresh engine with the seed.
    :param prefix: what the command begins with.
    """
    names = ["embedded.sanitize"] if exactly else ["embedded.sanitize", "dockerd.sanitize"]
    sanitize = folder / "sanitize.cfg"
    sanitize.write_text("\n".join((HERE / name).read_text(encoding="utf-8") for name in names))
    environment = {**environment, EXACTLY: "1" * exactly}
    words = "--nbval", "--nbval-sanitize-with", str(sanitize)
    run(notebook, folder, environment, *words, prefix=prefix)


def run(
    notebook: Path,
    folder: Path,
    environment: Mapping[str, str],
    *words: str,
    prefix: Sequence[str] = (),
) -> None:
    """Run ``notebook`` by nbval, with ``words`` for it."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    copy = shutil.copy(notebook, place)
    done = subprocess.run(
        [
            *prefix, *lean.command("pytest"), *words, "-q", "-p", "no:cacheprovider",
            "-p", "nbval.plugin", "-p", "tests.notebooks.nbval_text",
            "--nbval-cell-timeout", "300",
            # On a busy machine a kernel may need more than nbval's minute to come up.
            "--nbval-kernel-startup-timeout", "200",
            "-c", "/dev/null", "--rootdir", place, copy,
        ],
        env={**environment, "PYTHONPATH": str(HERE.parents[1]), ALONE: "1"},
        cwd=place, capture_output=True, text=True, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
