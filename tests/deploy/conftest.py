"""What the tests of deployments share: an image as repo2docker would build it, built once."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.learner import ROOT, USER, Image, copy_repository, python_for_all


@pytest.fixture(scope="session")
def dockerfile() -> str:
    """What repo2docker makes of ``binder/``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # repo2docker's own imports
        from repo2docker.buildpacks import PythonBuildPack

    before = Path.cwd()
    os.chdir(ROOT)
    try:
        pack = PythonBuildPack(base_image="docker.io/library/buildpack-deps:jammy")
        pack.platform = "linux/amd64"
        assert pack.detect()
        assert pack.python_version == (ROOT / "binder/runtime.txt").read_text().strip()[7:]
        text: str = pack.render(build_args={})
        return text
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def image(dockerfile: str) -> Iterator[Image]:
    """The steps of the Dockerfile from the copy of the repository on, run one by one."""
    # (Not below pytest's folder, which only its owner may enter.)
    folder = Path(tempfile.mkdtemp(prefix="binder-"))
    home, environment = folder / "home", folder / "env"
    home.mkdir()
    environment.mkdir()
    copy_repository(home)
    if os.geteuid() == 0:
        folder.chmod(0o755)
        for path in (home, *home.rglob("*"), environment):
            os.chown(path, USER, USER, follow_symlinks=False)
    environ = {
        "HOME": str(home),
        "USER": "jovyan",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        "TMPDIR": "/tmp",
        "REPO_DIR": str(home),
        "KERNEL_PYTHON_PREFIX": str(environment),
        "PATH": f"{environment}/bin:/usr/local/bin:/usr/bin:/bin",
    }
    # How this machine reaches the package index.
    environ |= {k: v for k, v in os.environ.items() if k.startswith("PIP_") or "proxy" in k.lower()}
    made = Image(home, environ)
    try:
        made.run(python_for_all(), "-m", "venv", str(environment))
        steps = dockerfile[dockerfile.index("COPY --chown=1000:1000 src/ ") :]
        commands = re.findall(r"^RUN (.+)$", steps, re.MULTILINE)
        assert len(commands) >= 4
        for command in commands:
            made.run("bash", "-c", command)
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)
