"""What is typed behind ``!`` is what the shell gets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.braces import keep_double_braces

CELLS = {
    "out = !echo '{{.Names}}'": ["{{.Names}}"],
    "out = !echo '{{range .A}}{{.B}}{{end}}'": ["{{range .A}}{{.B}}{{end}}"],
    "name = 'web'\nout = !echo {name} '{{json .}}'": ["web {{json .}}"],
    "out = !echo '{{.A}}' \\\n  '{{.B}}'": ["{{.A}} {{.B}}"],
    "out = !echo plain": ["plain"],
}
# A shell of its own process: IPython expects to be the only one, and to end with it.
SCRIPT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from course_lib.braces import attach
shell = InteractiveShell.instance()
attach(shell)
attach(shell)
found = {}
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
    found[cell] = list(shell.user_ns["out"])
print(json.dumps(found))
"""


def test_double_braces_arrive(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(list(CELLS)),
        env={"HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == CELLS


@pytest.mark.parametrize(
    "lines",
    [
        ["x = '{{a}}'\n"],
        ["print(f'{{{1}}}')\n", "y = {1: {2: 3}}\n"],
        ["%%sh\n", "!docker ps --format '{{.ID}}'\n"],
        ["if a != {1: {2: 3}}:\n"],
        [],
    ],
)
def test_other_lines_stay(lines: list[str]) -> None:
    assert keep_double_braces(lines) == lines
