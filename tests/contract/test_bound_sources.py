"""What a bind mount shows when its source gets another place, or its name another file."""

from __future__ import annotations

from pathlib import Path

from tests.contract.harness import Bench


def holder(bench: Bench, source: Path) -> str:
    """A running container that has ``source`` at ``/m``."""
    return bench.run(host={"Binds": [f"{source}:/m"]})


def restart(bench: Bench, container: str) -> None:
    assert bench.raw.post(f"/containers/{container}/restart", params={"t": "0"}).status == 204


def replace(path: Path, text: str) -> None:
    """As many editors save: a new file, renamed."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def test_bound_file_is_followed_and_not_its_name(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "motd"
    source.write_text("one\n")
    container = holder(bench, source)
    source.write_text("two\n")
    assert bench.sh(container, "cat /m").out == "two\n"
    replace(source, "three\n")
    assert bench.sh(container, "cat /m").out == "two\n"
    # What the container writes goes into the file that nobody on the host has a name for.
    script = "echo lost >> /m && chmod 600 /m && touch /m && stat -c '%a %s %h' /m && cat /m"
    assert bench.sh(container, script).out == "600 9 0\ntwo\nlost\n"
    assert source.read_text() == "three\n"
    restart(bench, container)
    assert bench.sh(container, "cat /m").out == "three\n"


def test_bound_file_that_was_removed_is_there_until_the_next_start(
    bench: Bench, tmp_path: Path
) -> None:
    """Then a directory is made for it, which does not fit on the file that it was mounted on."""
    source = tmp_path / "motd"
    source.write_text("one\n")
    container = holder(bench, source)
    source.unlink()
    assert bench.sh(container, "cat /m").out == "one\n"
    answer = bench.raw.post(f"/containers/{container}/restart", params={"t": "0"})
    assert answer.status in (400, 500)
    assert "Are you trying to mount a directory onto a file" in answer.message
    assert source.is_dir()


def test_bound_directory_is_followed_and_not_its_name(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "site"
    source.mkdir()
    (source / "page").write_text("one\n")
    container = holder(bench, source)
    source.rename(tmp_path / "moved")
    source.mkdir()
    (source / "page").write_text("two\n")
    assert bench.sh(container, "cat /m/page; echo three > /m/new").out == "one\n"
    assert (tmp_path / "moved" / "new").read_text() == "three\n"
    restart(bench, container)
    assert bench.sh(container, "cat /m/page; ls /m").out == "two\npage\n"


def test_bound_directory_that_was_removed_is_empty(bench: Bench, tmp_path: Path) -> None:
    source = tmp_path / "site"
    source.mkdir()
    container = holder(bench, source)
    source.rmdir()
    source.mkdir()
    (source / "page").write_text("new\n")
    assert bench.sh(container, "ls -A /m").out == ""
    assert bench.sh(container, "echo x > /m/x").code != 0
