from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from course_lib import places
from course_lib.errors import EngineUnavailable, SocketPathTooLong


def test_xdg_folders_win_over_home_and_relative_ones_are_ignored(tmp_path: Path) -> None:
    environ = {"HOME": "/home/ann", "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": "relative"}
    assert places.data_folder(environ) == tmp_path / "docker-course"
    assert places.config_folder(environ) == Path("/home/ann/.config/docker-course")


def test_socket_lies_in_the_runtime_folder_and_belongs_to_its_state(home: Path) -> None:
    one = places.socket_for(Path("/state/one"))
    assert one.parent == home / "run" / "docker-course"
    assert one.parent.stat().st_mode & 0o777 == 0o700
    assert one == places.socket_for(Path("/state/one"))
    assert one != places.socket_for(Path("/state/two"))


def test_socket_moves_to_a_shorter_folder_where_the_runtime_folder_is_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("y" * 90)))
    found = places.socket_for(Path("/state"), {"XDG_RUNTIME_DIR": str(long)})
    assert found.parent == Path(f"/tmp/docker-course-{os.getuid()}")
    places.check_socket_path(found)


def test_private_folder_is_closed_to_others_and_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    places.make_private(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(EngineUnavailable, match="belongs to somebody else"):
        places.make_private(tmp_path / "link")


@pytest.mark.parametrize(("length", "fits"), [(places.SOCKET_PATH_BYTES, True), (108, False)])
def test_socket_path_length_is_counted_in_bytes(length: int, fits: bool) -> None:
    path = Path("/" + "é" * ((length - 1) // 2) + "x" * ((length - 1) % 2))
    assert len(os.fsencode(path)) == length
    if fits:
        places.check_socket_path(path)
    else:
        with pytest.raises(SocketPathTooLong, match="108 bytes long, at most 107"):
            places.check_socket_path(path)
