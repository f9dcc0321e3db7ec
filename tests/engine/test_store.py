"""Durable records: what is written is found again, what is broken is said."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.engine.store import FORMAT, Record, StateError, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "state")
    yield store
    store.close()


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
def test_any_id_is_fine(store: Store, name: str) -> None:
    store.write("images", name, {"n": 1})
    assert store.read("images", name) == {"n": 1}
    assert Store(store.root).all("images") == {name: {"n": 1}}
    assert not (store.root.parent / "up").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": 1, "record": {}}', '{"id": "a"}'])
def test_broken_line_names_its_file(store: Store, text: str) -> None:
    store.write("networks", "abc", {})
    path = store.root / "records" / "networks.jsonl"
    content = path.read_text() + text + "\n"
    path.write_text(content)
    with pytest.raises(StateError, match=r"networks\.jsonl: line 2 is not a readable record"):
        Store(store.root).all("networks")
    assert path.read_text() == content


def test_line_that_was_being_written_is_dropped(store: Store) -> None:
    store.write("networks", "abc", {"n": 1})
    path = store.root / "records" / "networks.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"id":"abc","record":{"n":')
    again = Store(store.root)
    assert again.all("networks") == {"abc": {"n": 1}}
    assert path.read_bytes() == whole
    again.write("networks", "abc", {"n": 2})
    assert Store(store.root).read("networks", "abc") == {"n": 2}


def test_outdated_lines_do_not_pile_up(store: Store) -> None:
    for number in range(3000):
        store.write("containers", str(number % 7), {"n": number, "text": "x" * 1000})
    assert (store.root / "records" / "containers.jsonl").stat().st_size < 1_200_000
    expected = {str(n % 7): {"n": n, "text": "x" * 1000} for n in range(2993, 3000)}
    assert store.all("containers") == expected
    assert Store(store.root).all("containers") == expected


def test_full_disk_is_told_and_keeps_the_older_record(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("networks", "abc", {"n": 1})
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    with pytest.raises(StateError, match=r"networks\.jsonl: cannot be written: no space left"):
        store.write("networks", "abc", {"n": 2})
    monkeypatch.undo()
    assert store.read("networks", "abc") == {"n": 1}
    store.write("networks", "abd", {"n": 3})
    assert Store(store.root).all("networks") == {"abc": {"n": 1}, "abd": {"n": 3}}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers())),
        max_size=30,
    ),
    st.integers(min_value=0, max_value=200),
)
def test_whatever_is_cut_off_the_end_an_earlier_state_is_found(
    changes: list[tuple[str, int | None]], cut: int
) -> None:
    """The process may die at any byte of a write."""
    states: list[dict[str, Record]] = [{}]
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for record_id, value in changes:
            state = dict(states[-1])
            if value is None:
                store.delete("things", record_id)
                state.pop(record_id, None)
            else:
                store.write("things", record_id, {"n": value})
                state[record_id] = {"n": value}
            states.append(state)
        store.close()
        path = Path(folder) / "records" / "things.jsonl"
        if path.exists():
            path.write_bytes(path.read_bytes()[: -cut or None])
        again = Store(Path(folder))
        assert again.all("things") in states
        again.close()


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
    assert (store.root / "records/networks.jsonl").stat().st_mode & 0o077 == 0
