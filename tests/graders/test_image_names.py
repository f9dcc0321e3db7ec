from __future__ import annotations

import pytest

from graders.image_names import normalized, same_image


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("training/datavol", "docker.io/training/datavol:latest"),
        ("registry.example.edu:5000/nginx", "registry.example.edu:5000/nginx:latest"),
        ("localhost/nginx:2", "localhost/nginx:2"),
        ("nginx:1@sha256:abc", "docker.io/library/nginx@sha256:abc"),
    ],
)
def test_normalized_spells_a_reference_out(short: str, full: str) -> None:
    assert normalized(short) == full


@pytest.mark.parametrize(
    ("one", "other"),
    [("nginx", "nginx:alpine"), ("nginx", "me/nginx"), ("nginx", "registry.example.edu/nginx")],
)
def test_same_image_tells_apart(one: str, other: str) -> None:
    assert not same_image(one, other)
