"""Where the system lets nobody make namespaces: the same scores, and it is said."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from graders.grading import landlock
from tests.grading.courses import COURSE, Course
from tests.grading.notebooks import RIGHT
from tests.grading.test_class import FULL

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
        reason="seccomp by hand",
    ),
    # Without a network of their own, submissions publish on the machine's ports.
    pytest.mark.xdist_group("fixed-ports"),
]
PRY = """
import os, pathlib
for path in ({paths}):
    try: print("read:", len(pathlib.Path(path).read_bytes()))
    except OSError as error: print(type(error).__name__)
    try: pathlib.Path(path).with_name("mine").write_text("mine"); print("wrote")
    except OSError as error: print(type(error).__name__)
try: os.kill({pid}, 0); print("reached")
except OSError as error: print(type(error).__name__)
pathlib.Path("note.txt").write_text("mine")
"""


def test_same_scores_and_a_warning(course: Course) -> None:
    paths = [course.root / "gradebook.db", course.root / "source" / "networking" / "secret.txt"]
    paths[1].write_text("the solution")
    with subprocess.Popen(["sleep", "1000"]) as bystander:
        pry = PRY.format(paths=", ".join(repr(str(path)) for path in paths), pid=bystander.pid)
        course.submit("ann", {**RIGHT, "publish-address": RIGHT["publish-address"] + pry})
        course.submit("ben", {"publish-any-port": "import os\nos._exit(1)"})
        words = [sys.executable, "-m", "tests.grading.no_namespaces", str(COURSE), "autograde"]
        done = subprocess.run(
            [*words, "networking"], cwd=course.root, env=course.environment, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=500,
        )  # fmt: skip
        bystander.kill()
    assert done.returncode == 0, done.stderr
    (warning,) = [line for line in done.stderr.splitlines() if "namespaces" in line]
    assert ("your rights" in warning) == (not landlock.version())
    assert course.scores("ann") == FULL
    assert course.scores("ben")["publish-any-port"] == (None, True)
    told = [
        line
        for cell in course.autograded("ann")["cells"]
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream"
        for line in "".join(output["text"]).split("\n")
    ]
    if landlock.version():
        assert told.count("PermissionError") >= 4
        assert not any(line.startswith(("read:", "wrote")) for line in told)
        assert ("reached" in told) == (landlock.version() < 6)
