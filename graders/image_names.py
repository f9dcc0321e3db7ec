"""When two references name one image: ``nginx``, ``nginx:latest``, ``docker.io/library/nginx``."""

from __future__ import annotations

_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


def normalized(reference: str) -> str:
    """The reference in full: registry, path and tag (or digest)."""
    name, _, digest = reference.strip().partition("@")
    head, slash, tail = name.partition("/")
    if slash and ("." in head or ":" in head or head == "localhost"):
        registry, path = head, tail
    else:
        registry, path = "docker.io", name
    if registry in _DOCKER_HUB:
        registry = "docker.io"
        if "/" not in path:
            path = f"library/{path}"
    if digest:
        # A digest names the image on its own; a tag beside it says nothing more.
        return f"{registry}/{path.partition(':')[0]}@{digest}"
    last = path.rpartition("/")[2]
    return f"{registry}/{path}" if ":" in last else f"{registry}/{path}:latest"


def same_image(one: str, other: str) -> bool:
    """Whether both references name the same repository and tag."""
    return normalized(one) == normalized(other)
