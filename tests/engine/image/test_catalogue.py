"""The folders of the catalogue, ours and broken ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from course_lib.engine.image.catalogue import HERE, Catalogue
from course_lib.engine.image.recipe import BrokenRecipe
from course_lib.engine.image.reference import parse
from course_lib.engine.userland.applets import find, names
from tests.engine.image.conftest import APPLETS, BASE

FOLDERS = sorted(path.parent.name for path in HERE.glob("*/image.toml"))


@pytest.fixture(scope="module")
def real() -> Catalogue:
    return Catalogue(names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_catalogue_every_folder_makes_an_image(real: Catalogue, folder: str) -> None:
    recipe = real.recipes()[folder]
    image = real.image(folder)
    assert image.size > 0
    assert image.config.cmd or image.config.entrypoint or not recipe.tags
    assert all(path.startswith("/") for path in image.config.volumes)
    assert all(re.fullmatch(r"\d+/(tcp|udp)", port) for port in image.config.exposed_ports)
    assert all("=" in entry for entry in image.config.env)
    for tag in recipe.tags:
        assert parse(f"{recipe.repository}:{tag}").familiar == f"{recipe.repository}:{tag}"


@pytest.mark.parametrize("folder", FOLDERS)
def test_catalogue_every_program_exists(real: Catalogue, folder: str) -> None:
    for path, node in real.layer(folder).walk():
        content = getattr(node, "content", None)
        if isinstance(content, bytes) and content.startswith(b"#!embedded "):
            program = content.split(b"\n")[0].split()[1].decode()
            assert find(program) is not None, f"{path} runs {program}, which does not exist"


def test_catalogue_has_what_the_course_starts_with(real: Catalogue) -> None:
    assert {"alpine", "busybox", "centos"} <= set(real.repositories())
    for repository in real.repositories():
        assert real.tags(repository)


def test_catalogue_no_two_folders_claim_a_name(real: Catalogue) -> None:
    claimed = [
        f"{recipe.repository}:{tag}" for recipe in real.recipes().values() for tag in recipe.tags
    ]
    assert len(claimed) == len(set(claimed))


def test_catalogue_package_data_has_no_symbolic_links() -> None:
    """A wheel cannot carry them."""
    assert not [path for path in HERE.rglob("*") if path.is_symlink()]


def test_catalogue_alpine_and_busybox_link_their_applets(real: Catalogue) -> None:
    from course_lib.engine.fs.memory import MemoryFile, MemoryLink

    alpine = dict(real.layer("alpine").walk())
    busybox = dict(real.layer("busybox").walk())
    shell = alpine["/bin/sh"]
    assert isinstance(shell, MemoryLink)
    assert shell.target == "/bin/busybox"
    program = busybox["/bin/sh"]
    assert isinstance(program, MemoryFile)
    assert program is busybox["/bin/busybox"]
    assert program.stat().nlink > 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BASE.replace("created =", "creation ="), "unknown key 'creation'"),
        (BASE.replace('tags = ["latest", "1"]', ""), "'tags'"),
        ("this is = not [ toml", "Expected"),
        (BASE.replace("2024-01-01T00:00:00Z", '"today"'), "created must be a date"),
        (BASE.replace('"/tmp" = { directory = true', '"/tmp" = { dir = true'), "'/tmp'"),
        (BASE.replace("/etc/shadow", "/etc/nosuch"), "'/etc/nosuch' is no file"),
        (BASE.replace("size = 2_000_000", ""), "no step of the history has a size"),
        (BASE.replace('env = ["PATH=/bin"]', "unheard = 1"), "unheard"),
    ],
)
def test_catalogue_broken_folder_is_one_error_that_names_the_file(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "broken" / "files" / "etc").mkdir(parents=True)
    (tmp_path / "broken" / "files" / "etc" / "shadow").touch()
    (tmp_path / "broken" / "image.toml").write_text(text)
    with pytest.raises(BrokenRecipe) as caught:
        Catalogue(lambda: APPLETS, tmp_path).image("broken")
    assert message in str(caught.value)
    assert str(tmp_path / "broken" / "image.toml") in str(caught.value)


def test_catalogue_bases_in_a_circle(folder: Path) -> None:
    path = folder / "base" / "image.toml"
    path.write_text(path.read_text().replace("created =", 'from = "derived"\ncreated =', 1))
    with pytest.raises(BrokenRecipe, match="circle"):
        Catalogue(lambda: APPLETS, folder).image("derived")


def test_search() -> None:
    catalogue = Catalogue(tuple)
    assert catalogue.search("nginx") == [("nginx", "The nginx web server, on port 80")]
    assert [name for name, _ in catalogue.search("redis")] == [
        "ahmedgabercod/trainingwheels",
        "redis",
    ]
    assert catalogue.search("no-such-thing") == []
    assert all(text for _, text in catalogue.search(""))
