"""The recipe for Kubernetes, as far as it goes without a cluster: its code runs, its parts fit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"


def values(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Config:
    """JupyterHub's configuration once it has run the recipe's part of it."""
    custom = values("values.yaml")["custom"]
    module = types.ModuleType("z2jh")
    module.get_config = lambda key, default=None: custom.get(key.removeprefix("custom."), default)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "z2jh", module)
    c = Config()
    code = values("values.yaml")["hub"]["extraConfig"]["course"]
    exec(compile(code, "values.yaml", "exec"), {"c": c})
    return c


def spawner(name: str, number: int = 3) -> Any:
    user = SimpleNamespace(name=name, orm_user=SimpleNamespace(id=number))
    return SimpleNamespace(user=user, environment={}, volumes=[], volume_mounts=[])


def test_groups_are_those_that_nbgrader_documents(hub: Config) -> None:
    assert hub.JupyterHub.load_groups == {
        "formgrade-docker-101": {"users": ["ines"]},
        "nbgrader-docker-101": {"users": ["ann", "ben"]},
    }
    assert hub.Authenticator.allowed_users == {"ines", "ann", "ben"}


def test_people_are_users_of_their_own(hub: Config) -> None:
    uid = hub.KubeSpawner.uid
    assert uid(spawner("ann", 3)) != uid(spawner("ben", 4))
    assert uid(spawner("ann", 3)) > 1000


def test_only_instructors_get_the_course_directory(hub: Config) -> None:
    ann, ines = spawner("ann"), spawner("ines")
    hub.KubeSpawner.pre_spawn_hook(ann)
    hub.KubeSpawner.pre_spawn_hook(ines)
    assert ann.volumes == ann.volume_mounts == []
    assert ann.environment["JUPYTER_CONFIG_PATH"] == "/etc/docker-course/student"
    assert ines.environment["JUPYTER_CONFIG_PATH"] == "/etc/docker-course/instructor"
    assert [m["mountPath"] for m in ines.volume_mounts] == ["/srv/course"]
    assert [v["name"] for v in ines.volumes] == [m["name"] for m in ines.volume_mounts]


def test_every_volume_that_is_named_is_made() -> None:
    claims = {
        document["metadata"]["name"]
        for document in yaml.safe_load_all((FOLDER / "volumes.yaml").read_text())
    }
    named = set(re.findall(r'claimName[":\s]+([a-z]+)', (FOLDER / "values.yaml").read_text()))
    assert named == claims


def test_lists_of_the_first_values_are_whole_in_the_second() -> None:
    """Helm replaces lists: what the daemon's values leave out would be gone."""
    first, second = values("values.yaml")["singleuser"], values("values-docker.yaml")["singleuser"]
    for volume in first["storage"]["extraVolumes"]:
        assert volume in second["storage"]["extraVolumes"]
    (daemon,) = second["extraContainers"]
    made = {volume["name"] for volume in second["storage"]["extraVolumes"]}
    # KubeSpawner's own name for the volume with the home.
    assert {m["name"] for m in daemon["volumeMounts"]} <= {*made, "volume-{user_server}"}


@pytest.mark.parametrize(
    ("kind", "has"),
    [
        ("student", {"assignment_list", "validate_assignment"}),
        ("instructor", {"formgrader", "validate_assignment"}),
    ],
)
def test_students_see_neither_formgrader_nor_course_list(
    kind: str, has: set[str], tmp_path: Path
) -> None:
    text = (FOLDER / "Dockerfile").read_text()
    step = re.search(rf"python (-m \S+ \w+) /etc/docker-course/{kind}\b", text)
    assert step
    folder = tmp_path / "made"
    subprocess.run([sys.executable, *step[1].split(), str(folder)], check=True, timeout=60)
    server = json.loads((folder / "jupyter_server_config.json").read_text())["ServerApp"]
    enabled = {name.rpartition(".")[2] for name, on in server["jpserver_extensions"].items() if on}
    assert enabled == has
    page = json.loads((folder / "labconfig/page_config.json").read_text())["disabledExtensions"]
    for name in ("assignment_list", "formgrader", "course_list", "validate_assignment"):
        assert page[f"@jupyter/nbgrader:{name.replace('_', '-')}"] == (name not in has)


def test_image_has_what_the_values_name() -> None:
    text = (FOLDER / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (?:--\S+ )*(\S+) \S+$", text, re.MULTILINE):
        assert (ROOT / source).exists(), source
    assert values("values.yaml")["singleuser"]["cmd"] in text


@pytest.fixture
def pod(tmp_path: Path) -> dict[str, str]:
    """A home, and a `jupyterhub-singleuser` that says what it was started with."""
    programs, home = tmp_path / "bin", tmp_path / "home"
    programs.mkdir()
    home.mkdir()
    fake = programs / "jupyterhub-singleuser"
    fake.write_text('#!/bin/sh\necho "$PWD $DOCKER_HOST $*"\n')
    fake.chmod(0o755)
    environ = {"HOME": str(home), "COURSE_ID": "docker-101", "LANG": "C.UTF-8"}
    return {**environ, "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"}


def test_server_is_started_with_an_engine_that_runs(pod: dict[str, str], tmp_path: Path) -> None:
    # The image's own page of the course, where this machine may have none.
    page = tmp_path / "index.ipynb"
    page.write_text("{}")
    script = (FOLDER / "serve-course").read_text()
    script = script.replace("/opt/docker-course/index.ipynb", str(page))
    script = script.replace("/srv/course", str(tmp_path / "no-course"))
    words = ["bash", "-c", script, "serve-course", "--port=8899"]
    done = subprocess.run(words, env=pod, capture_output=True, text=True, timeout=90)
    try:
        assert done.returncode == 0, done.stderr
        folder, host, *rest = done.stdout.split()
        assert folder == str(Path(pod["HOME"]) / "docker-course")
        assert rest == [f"--ServerApp.root_dir={folder}", "--port=8899"]
        assert Path(host.removeprefix("unix://")).is_socket()
        assert (Path(folder) / "index.ipynb").read_text() == "{}"
    finally:
        subprocess.run(["course", "engine", "stop"], env=pod, check=True, timeout=60)
