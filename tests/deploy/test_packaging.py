"""What is built carries everything: the lessons, the image catalogue, the `course` command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made of the sdist."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=600,
    )
    return out


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    [found] = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own, its dependencies from the environment."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return target


def run(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program that finds the installed wheel and not this checkout."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "DOCKER_"))}
    environ |= {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environ, capture_output=True, text=True, timeout=120
    )


def test_sdist_is_the_repository(built: Path) -> None:
    [path] = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    here = {name for name in listed.split("\0") if (ROOT / name).is_file()}
    kept = {name for name in here if not name.startswith((".ci/", ".github/"))}
    assert kept - names == set()


def test_wheel_carries_every_lesson_and_image(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for lesson in (ROOT / "notebooks").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in lesson.parts:
            continue
        assert f"course_lib/_notebooks/{lesson.relative_to(ROOT / 'notebooks')}" in names
    assert "course_lib/_notebooks/course.toml" in names
    for image in (ROOT / "course_lib/engine/image/catalogue").rglob("image.toml"):
        assert str(image.relative_to(ROOT)) in names
    assert {"course_lib/py.typed", "graders/report/page.html.j2"} <= names
    assert not any("tests/" in name for name in names)


def test_installed_wheel_is_used_and_answers(installed: Path, tmp_path: Path) -> None:
    found = run(installed, tmp_path, "-c", "import course_lib; print(course_lib.__file__)")
    assert found.stdout.startswith(str(installed)), found.stderr
    help_text = run(installed, tmp_path, "-m", "course_lib.cli", "--help")
    assert help_text.returncode == 0
    for word in ("lab", "engine", "check", "run", "init", "report", "doctor"):
        assert word in help_text.stdout


def test_installed_wheel_makes_a_workspace(installed: Path, tmp_path: Path) -> None:
    code = (
        "import json, pathlib, course_lib.workspace as w;"
        "w.prepare(pathlib.Path('ws'));"
        "print(json.dumps(sorted(str(p) for p in pathlib.Path('ws').rglob('*.ipynb'))))"
    )
    done = run(installed, tmp_path, "-c", code)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout.splitlines()[-1])
    assert any(name.endswith("publish-a-service.ipynb") for name in made)
