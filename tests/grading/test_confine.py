"""What keeps a submission to itself, for a grader who is not root."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from graders.grading import confine

NOBODY = 65534
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(os.geteuid() != 0, reason="as root it becomes somebody else")
def test_protected_process_of_a_user_makes_its_own_world() -> None:
    code = (
        "import os, sys, tempfile\n"
        "from pathlib import Path\n"
        "from graders.grading import confine\n"
        f"os.setresgid({NOBODY}, {NOBODY}, {NOBODY})\n"
        f"os.setresuid({NOBODY}, {NOBODY}, {NOBODY})\n"
        "confine.protect(protected=False)\n"
        "if not confine.possible():\n    sys.exit('no namespaces for users here')\n"
        "confine.protect()\n"
        "work = Path(tempfile.mkdtemp())\n"
        "print(confine.enter((), (work,), 1 << 20))\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=100,
        )
    if "no namespaces for users here" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    # It entered.
    assert done.stdout.split()[0] == "True"


def test_whoever_comes_too_late_to_die_with_its_parent_ends_at_once() -> None:
    ended, closing = os.pipe()
    parent = os.fork()
    if not parent:
        os.close(ended)
        myself = os.getpid()
        if not os.fork():
            # Until the parent is gone, as under load.
            while os.getppid() == myself:
                os.sched_yield()
            confine.die_with_parent(myself)
            os.write(closing, b"alive")
        os._exit(0)
    os.close(closing)
    os.waitpid(parent, 0)
    with os.fdopen(ended, "rb") as told:
        assert told.read() == b""
