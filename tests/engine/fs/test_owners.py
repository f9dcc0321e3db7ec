"""Records of owners beside the files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.fs.hostdir import NOBODY, HostInode, HostTree
from course_lib.engine.fs.owners import Owner, OwnerTable
from tests.engine.fs.helpers import refuses


def test_owners_survive_and_go(tmp_path: Path) -> None:
    log = tmp_path / "owners"
    table = OwnerTable(log)
    assert table.get(1) is None
    table.set(1, Owner(5, 6, 0o644, 0o644))
    table.set(2, Owner(7, 8, 0o600, 0o600))
    table.drop(2)
    again = OwnerTable(log)
    assert again.get(1) == Owner(5, 6, 0o644, 0o644)
    assert again.get(2) is None


def test_owners_untouched_table_makes_no_file(tmp_path: Path) -> None:
    table = OwnerTable(tmp_path / "owners")
    table.get(1)
    table.drop(1)
    assert list(tmp_path.iterdir()) == []


def test_owners_torn_last_line_is_what_a_killed_engine_leaves(tmp_path: Path) -> None:
    log = tmp_path / "owners"
    OwnerTable(log).set(1, Owner(5, 6, 0, 0))
    with log.open("a") as file:
        file.write("[2, 3, 4")
    table = OwnerTable(log)
    assert table.get(1) == Owner(5, 6, 0, 0)
    assert table.get(2) is None
    table.set(3, Owner(1, 1, 0, 0))
    assert OwnerTable(log).get(3) == Owner(1, 1, 0, 0)


def test_owners_broken_record_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    log = tmp_path / "owners"
    log.write_text("[1,2,3,4,5]\nnonsense\n[1]\n")
    table = OwnerTable(log)
    for _ in range(2):
        with pytest.raises(SystemFailure, match=rf"{log}: line 2"):
            table.get(1)


def test_owners_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    log = tmp_path / "owners"
    table = OwnerTable(log)
    for number in range(2000):
        table.set(1, Owner(number, 0, 0, 0))
    assert len(log.read_text().splitlines()) < 600
    assert OwnerTable(log).get(1) == Owner(1999, 0, 0, 0)


def test_host_users_as_an_unprivileged_engine_sees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine's own user is root inside, everybody else is nobody."""
    mine = os.stat(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: mine.st_uid or 1000)
    monkeypatch.setattr(os, "getegid", lambda: mine.st_gid or 1000)
    tree = HostTree(tmp_path)
    own = os.stat_result((mine.st_mode, 1, 1, 1, os.geteuid(), os.getegid(), 0, 0, 0, 0))
    other = os.stat_result((mine.st_mode, 2, 1, 1, 4321, 4321, 0, 0, 0, 0))
    assert tree.shown(own)[1:] == (0, 0)
    assert tree.shown(other)[1:] == (NOBODY, NOBODY)


def test_mode_that_the_host_changed_counts(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    (tmp_path / "f").chmod(0o644)
    tree = HostTree(tmp_path)
    inode = tree.root().lookup("f")
    assert inode is not None
    inode.chmod(0o4000)
    assert inode.stat().mode & 0o7777 == 0o4000
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o600
    (tmp_path / "f").chmod(0o640)
    found = tree.root().lookup("f")
    assert found is not None
    assert found.stat().mode & 0o7777 == 0o640


def test_removed_file_takes_its_record_along(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    tree = HostTree(folder, OwnerTable(tmp_path / "owners"))
    for _ in range(3):
        root = tree.root()
        root.create("f", os.O_WRONLY, 0o644, 5, 5).close()
        root.mkdir("d", 0o755, 6, 6)
        root.symlink("l", "f", 7, 7)
        root.link("hard", _found(root.lookup("f")))
        root.unlink("f")
        assert _found(root.lookup("hard")).stat().uid == 5
        root.unlink("hard")
        root.rmdir("d")
        root.unlink("l")
        root.create("f", os.O_WRONLY, 0o644, 0, 0).close()
        assert _found(root.lookup("f")).stat().uid == 0
        root.unlink("f")


def _found(value: HostInode | None) -> HostInode:
    assert value is not None
    return value


def test_owners_on_a_full_disk_leave_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    table = OwnerTable(tmp_path / "owners")
    table.set(1, Owner(1, 1, 0, 0))
    tree = HostTree(folder, table)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:5]))
        for make in (
            lambda: tree.root().create("f", os.O_WRONLY, 0o644, 5, 5),
            lambda: tree.root().mkdir("d", 0o755, 5, 5),
            lambda: tree.root().mkfifo("p", 0o644, 5, 5),
        ):
            with refuses(errno.ENOSPC):
                make()
    assert list(folder.iterdir()) == []
    table.set(2, Owner(2, 2, 0, 0))
    assert OwnerTable(tmp_path / "owners").get(2) == Owner(2, 2, 0, 0)
