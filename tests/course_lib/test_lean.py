"""What is not imported for nothing, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SHOW = """\
import sys
assert __name__ == "__main__"
import jsonschema
print(sys.argv[1:], "rfc3987_syntax" in sys.modules)
"""


def test_module_runs_with_its_arguments_and_without_forty_parsers(tmp_path: Path) -> None:
    (tmp_path / "show.py").write_text(SHOW)
    elsewhere = tmp_path / "folder"
    elsewhere.mkdir()
    # A file of the person who starts it.
    (elsewhere / "show.py").write_text("raise SystemExit('this one')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "course_lib.lean", "show", "--port", "1"],
        cwd=elsewhere,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "['--port', '1'] False", done.stderr


WITHOUT_ONE = """\
import sys
from course_lib import lean
lean.import_without("one", "two")
import one, two
print(one.found, two.__name__, sys.modules["one"] is one)
"""


def test_one_module_does_without_another_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text("")
    (tmp_path / "one.py").write_text(
        "try:\n    import two as found\nexcept ImportError as error:\n    found = error.name\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_ONE],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "two two True", done.stderr


def test_pictures_do_without_numpy() -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-c"),
            "import sys; from course_lib import looking; looking.load_pictures();"
            " print('grandalf.layouts' in sys.modules, 'numpy' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "True False", done.stderr
