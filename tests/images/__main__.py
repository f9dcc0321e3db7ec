"""``python -m tests.images [--host URL] [--cache DIR] [TAG …]``: loads the stand-in images."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import docker
from docker.errors import DockerException

from tests.images.debian import PackageError
from tests.images.load import Loader
from tests.images.old_redis import SourceError

DEFAULT_CACHE = Path(os.environ.get("COURSE_IMAGE_CACHE", "/var/cache/course-images"))


def load(host: str, tags: Iterable[str] = (), cache: Path = DEFAULT_CACHE) -> None:
    """Load the stand-ins with these tags (without: all) into the engine at ``host``.

    :raises DockerException, PackageError, SourceError, KeyError, OSError: where that fails.
    """
    client = docker.DockerClient(base_url=host, timeout=300)
    try:
        Loader(client, cache, lambda line: print(line, flush=True)).load(tags)
    finally:
        client.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.images", description=__doc__)
    parser.add_argument("--host", default=os.environ.get("DOCKER_HOST"), help="engine to load into")
    parser.add_argument(
        "--cache",
        type=Path,
        default=DEFAULT_CACHE,
        help="where packages and builds are kept between runs",
    )
    parser.add_argument("tag", nargs="*", help="only these images")
    words = parser.parse_args()
    if not words.host:
        parser.error("say which engine: --host or DOCKER_HOST")
    try:
        load(words.host, words.tag, words.cache)
    except (DockerException, PackageError, SourceError, KeyError, OSError) as error:
        print(f"tests.images: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
