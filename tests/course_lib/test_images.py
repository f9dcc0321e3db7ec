from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.errors import ImageUnavailable
from course_lib.images import familiar, read_image_table, with_tag


@pytest.mark.parametrize(
    ("reference", "full"),
    [
        ("nginx", "nginx:latest"),
        ("redis:2.8", "redis:2.8"),
        ("localhost:5000/nginx", "localhost:5000/nginx:latest"),
        ("nginx@sha256:ab", "nginx@sha256:ab"),
    ],
)
def test_with_tag_adds_latest_only_where_nothing_is_said(reference: str, full: str) -> None:
    assert with_tag(reference) == full


@pytest.mark.parametrize(
    ("reference", "short"),
    [
        ("docker.io/library/nginx:latest", "nginx"),
        ("docker.io/training/datavol:latest", "training/datavol"),
        ("redis:3.0", "redis:3.0"),
        ("sha256:0123456789abcdef", "0123456789ab"),
    ],
)
def test_familiar_is_what_people_type(reference: str, short: str) -> None:
    assert familiar(reference) == short


def test_table_finds_an_image_by_name_with_or_without_tag() -> None:
    table = read_image_table({})
    assert table.get("nginx") == table.get("nginx:latest")
    assert table.get("nginx").pull_reference == "nginx:latest"
    assert table.get("somebody/else").reference == "somebody/else:latest"


def test_a_class_points_a_name_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "images.toml"
    path.write_text('[images]\nnginx = "registry.example.edu/mirror/nginx:1.27"\n')
    table = read_image_table({"COURSE_IMAGES": str(path)})
    assert table.get("nginx").reference == "nginx:latest"
    assert table.get("nginx").pull_reference == "registry.example.edu/mirror/nginx:1.27"
    assert table.get("alpine").pull_reference == "alpine:latest"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[images", "is no image table"),
        ('images = "x"', "is no image table"),
        ('[images]\nmysql = "x"', "uses no image 'mysql'"),
        (None, "cannot be read"),
    ],
)
def test_a_broken_image_table_is_one_clear_error(
    tmp_path: Path, text: str | None, says: str
) -> None:
    path = tmp_path / "images.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ImageUnavailable, match=says) as caught:
        read_image_table({"COURSE_IMAGES": str(path)})
    assert str(path) in str(caught.value)
