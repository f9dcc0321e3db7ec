"""The one table of images that the course uses.

Lessons, checks and the catalogue of the embedded engine speak of images by the names in this
table. A class can point a name elsewhere (a mirror, a newer tag) with a TOML file that
``COURSE_IMAGES`` names::

    [images]
    nginx = "registry.example.edu/mirror/nginx:1.27"

The image is then pulled from there and tagged with the course's name, so that every command of
the lessons stays as it is.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import ImageUnavailable

OVERRIDES = "COURSE_IMAGES"


@dataclass(frozen=True, slots=True)
class CourseImage:
    """An image of the course.

    :param name: what lessons type, ``nginx`` or ``elasticsearch:2``.
    :param needs: what the course relies on in it, for whoever points the name elsewhere.
    :param source: where it is pulled from if not by its name.
    """

    name: str
    needs: str
    source: str | None = None

    @property
    def reference(self) -> str:
        """The name with its tag: ``nginx:latest``."""
        return with_tag(self.name)

    @property
    def pull_reference(self) -> str:
        """What to pull, with its tag or digest."""
        return with_tag(self.source) if self.source else self.reference


COURSE_IMAGES: Mapping[str, CourseImage] = {
    image.name: image
    for image in (
        CourseImage("nginx", "serves /usr/share/nginx/html on port 80, which it exposes"),
        CourseImage("alpine", "BusyBox with sh, ping, nslookup, wget and ip"),
        CourseImage("busybox", "BusyBox with sh, ping, nslookup, wget and ip"),
        CourseImage("centos", "sh and curl"),
        CourseImage("redis", "a current Redis on port 6379, its data in the volume /data"),
        CourseImage("redis:2.8", "Redis 2.8 on port 6379, its data in the volume /data"),
        CourseImage("redis:3.0", "Redis 3.0, which reads what 2.8 saved"),
        CourseImage("elasticsearch:2", "JSON with the node's name on port 9200"),
        CourseImage("tomcat", "a page on port 8080, logs in /usr/local/tomcat/logs"),
        CourseImage("docker", "the docker command"),
        CourseImage("training/datavol", "declares a volume"),
        CourseImage("ahmedgabercod/trainingwheels", "counts visits in a Redis named redis"),
    )
}


@dataclass(frozen=True, slots=True)
class ImageTable:
    """The course's images, with the names that this class points elsewhere."""

    images: Mapping[str, CourseImage]

    def __iter__(self) -> Iterator[CourseImage]:
        return iter(self.images.values())

    def get(self, name: str) -> CourseImage:
        """The entry for a name, its tag spelled out or not; others are taken as they are."""
        for image in self.images.values():
            if with_tag(name) == image.reference:
                return image
        return CourseImage(name, "")


def read_image_table(environ: Mapping[str, str] = os.environ) -> ImageTable:
    """The table with what the file named by ``COURSE_IMAGES`` changes.

    :raises ImageUnavailable: where that file cannot be read or names no image of the course.
    """
    path = environ.get(OVERRIDES, "")
    if not path:
        return ImageTable(COURSE_IMAGES)
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        changes = document.get("images", {})
        changed = {
            name: CourseImage(name, COURSE_IMAGES[name].needs, str(source))
            for name, source in changes.items()
        }
    except OSError as error:
        raise ImageUnavailable(
            f"{path} (named by {OVERRIDES}) cannot be read: {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError) as error:
        raise ImageUnavailable(
            f"{path} (named by {OVERRIDES}) is no image table: {error}"
        ) from None
    except KeyError as error:
        raise ImageUnavailable(
            f"{path} (named by {OVERRIDES}): the course uses no image {error.args[0]!r}",
            f"images: {', '.join(COURSE_IMAGES)}",
        ) from None
    return ImageTable({**COURSE_IMAGES, **changed})


def with_tag(reference: str) -> str:
    """``reference`` with ``:latest`` where it has neither tag nor digest.

    Podman writes out where an image comes from, Docker leaves Docker Hub away: so does this.
    """
    for prefix in ("docker.io/library/", "docker.io/", "localhost/"):
        reference = reference.removeprefix(prefix)
    last = reference.rpartition("/")[2]
    return reference if ":" in last or "@" in last else f"{reference}:latest"


def familiar(reference: str) -> str:
    """The short form that people type: no Docker Hub prefix, no ``:latest``, short digests."""
    for prefix in ("docker.io/library/", "docker.io/", "index.docker.io/"):
        reference = reference.removeprefix(prefix)
    name, at, digest = reference.partition("@")
    if at:
        return f"{name}@{digest[:19]}"
    if reference.startswith("sha256:"):
        return reference[7:19]
    return reference.removesuffix(":latest")
