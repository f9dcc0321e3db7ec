"""Durable records: what is written is found again, what is broken is said."""

import json
from pathlib import Path

import pytest

from course_lib.engine.store import FORMAT, StateError, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def test_record_is_found_by_a_second_store(store: Store) -> None:
    store.write("networks", "abc", {"name": "dev"})
    assert Store(store.root).read("networks", "abc") == {"name": "dev"}


def test_write_replaces(store: Store) -> None:
    store.write("networks", "abc", {"name": "dev"})
    store.write("networks", "abc", {"name": "prod"})
    assert store.all("networks") == {"abc": {"name": "prod"}}


def test_missing_record_is_a_key_error(store: Store) -> None:
    with pytest.raises(KeyError):
        store.read("networks", "abc")
    assert store.all("networks") == {}


def test_delete_forgets_and_tolerates(store: Store) -> None:
    store.write("volumes", "data", {})
    store.delete("volumes", "data")
    store.delete("volumes", "data")
    assert store.all("volumes") == {}


@pytest.mark.parametrize("name", ["a" * 255, "../up", "with/slash", "sha256:12", "ünï", ".hidden"])
def test_any_id_makes_a_safe_file_name(store: Store, name: str) -> None:
    store.write("images", name, {"n": 1})
    assert store.read("images", name) == {"n": 1}
    assert list(store.all("images")) == [name]
    assert [path.parent for path in store.root.rglob("*.json") if path.name != "format.json"] == [
        store.root / "records" / "images"
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 1, "record": {}}', '{"id": "a"}'])
def test_broken_record_names_its_file(store: Store, text: str) -> None:
    store.write("networks", "abc", {})
    path = store.root / "records" / "networks" / "abc.json"
    path.write_text(text)
    with pytest.raises(StateError, match=r"networks/abc\.json: not a readable record"):
        store.all("networks")
    assert path.read_text() == text


def test_left_over_temporary_file_is_dropped(store: Store) -> None:
    store.write("networks", "abc", {})
    (store.root / "records" / "networks" / "abd.tmp").write_text("{")
    assert list(store.all("networks")) == ["abc"]


def test_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "format.json").write_text(json.dumps({"format": FORMAT + 1}))
    with pytest.raises(StateError, match=r"format\.json: state format 2 is not one"):
        Store(tmp_path)
    assert json.loads((tmp_path / "format.json").read_text()) == {"format": FORMAT + 1}


@pytest.mark.parametrize("text", ["", "{}", "[1]", "no json"])
def test_broken_format_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "format.json").write_text(text)
    with pytest.raises(StateError, match=r"format\.json"):
        Store(tmp_path)


def test_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(StateError, match=r"thesis\.txt"):
        Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_file_in_place_of_the_directory_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="state"):
        Store(tmp_path / "state")


def test_files_are_private(store: Store) -> None:
    store.write("networks", "abc", {})
    assert store.root.stat().st_mode & 0o077 == 0
    assert (store.root / "records/networks/abc.json").stat().st_mode & 0o077 == 0
