"""A user without privileges, who has the course as an image of Binder gives it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
USER = 64000


@dataclass(frozen=True, slots=True)
class Image:
    """What a build left: the learner's home, and the surroundings of its processes."""

    home: Path
    environ: dict[str, str]

    def words(self, *command: str) -> list[str]:
        """A command as the pod would run it: no privilege, and none to be gained."""
        words = ["setpriv", "--no-new-privs"]
        if os.geteuid() == 0:
            words += [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
            words += ["--bounding-set=-all", "--inh-caps=-all"]
        return [*words, *command]

    def run(
        self, *command: str, exits: int = 0, seconds: float = 600
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.words(*command),
            cwd=self.home,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        assert done.returncode == exits, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done


def copy_repository(target: Path) -> None:
    """What a clone holds: no environment, no cache, nothing that git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def python_for_all() -> str:
    """A Python that a user without privileges can start."""
    probe = Image(Path("/"), {"PATH": "/usr/local/bin:/usr/bin:/bin"})
    for candidate in (os.path.realpath(sys.executable), "/usr/bin/python3"):
        # (By a shell: setpriv itself still has root's privileges when it looks for a program.)
        code = "import sys, venv; assert sys.version_info >= (3, 11)"
        words = probe.words("sh", "-c", 'exec "$0" -c "$1"', candidate, code)
        done = subprocess.run(words, cwd="/", env=probe.environ, capture_output=True)
        if done.returncode == 0:
            return candidate
    message = "no Python 3.11 or newer that every user can start"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
