"""The documentation: it builds, its links lead somewhere, its commands are real ones."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.cli.parser import build_parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    words = ["--fail-on-warning", "--keep-going", "-q", "-d", str(tmp_path / "trees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(ROOT / "docs"), str(tmp_path / "site")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for page in (ROOT / "docs").glob("*.md"):
        assert (tmp_path / "site" / f"{page.stem}.html").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def commands(page: Path) -> Iterator[str]:
    """The lines with ``course`` in examples of a terminal."""
    for block in CONSOLE.findall(page.read_text()):
        for line in block.splitlines():
            for command in re.sub(r"^[$#] ", "", line).split("&&"):
                found = re.match(r"\s*(?:\S*/bin/)?course (.*)", command)
                if found:
                    yield found[1]


def test_every_course_command_in_the_documentation_is_one() -> None:
    parser = build_parser()
    seen = 0
    for page in PAGES:
        for line in commands(page):
            parser.parse_args(shlex.split(line, comments=True))
            seen += 1
    assert seen >= 8
