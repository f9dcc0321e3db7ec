"""What of pytest's cache says which tests have failed: ``again.py few|none FILE``.

``few``: up to six failed; they are named, and FILE then selects them all. A test that shares
something with others has the name of its group at the end of its ID, ``…@fixed-ports``, under which
pytest writes that it failed, and does not find it again. ``none``: all of them have passed since.
"""

import json
import re
import sys
from pathlib import Path

MOST = 6
GROUP = re.compile(r"@[\w-]+$")


def few(file: Path) -> str:
    """Why they are not tried again; an empty text where they are."""
    if not file.exists():
        return "no test failed, but the run did"
    failed = json.loads(file.read_text())
    if not 0 < len(failed) <= MOST:
        return f"{len(failed)} tests failed"
    print("tried again, alone:", *failed, sep="\n  ")
    file.with_name("tried_again").write_text(json.dumps(list(failed)))
    file.write_text(json.dumps(failed | {GROUP.sub("", name): True for name in failed}))
    return ""


def none(file: Path) -> str:
    """Which failed again, or did not run."""
    tried = json.loads(file.with_name("tried_again").read_text())
    failed = json.loads(file.read_text()) if file.exists() else {}
    left = {name: True for name in tried if name in failed}
    file.write_text(json.dumps(left))  # without the IDs that were added
    return ", ".join(left)


if __name__ == "__main__":
    if why := {"few": few, "none": none}[sys.argv[1]](Path(sys.argv[2])):
        sys.exit(f"not passed: {why}")
