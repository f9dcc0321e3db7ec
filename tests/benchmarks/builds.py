"""How long ``docker build`` takes, against dockerd."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Iterator

from tests.benchmarks.engines import BenchEngine
from tests.benchmarks.measure import Row, side_by_side

DOCKERFILE = """\
FROM alpine
LABEL course.bench={number}
RUN echo one > /one
COPY file /file
RUN cat /one /file > /two
CMD ["cat", "/two"]
"""
"""Five small steps on a base that is there; the label keeps them out of the cache."""


def against_dockerd(ours: BenchEngine, theirs: BenchEngine) -> Iterator[Row]:
    """A build of five steps by the SDK, nothing of it cached."""
    clients = {engine.host: engine.client() for engine in (ours, theirs)}
    numbers = itertools.count()
    made: list[tuple[str, str]] = []

    def build(engine: BenchEngine) -> None:
        context = _context(DOCKERFILE.format(number=next(numbers)))
        image, _ = clients[engine.host].images.build(
            fileobj=context, custom_context=True, nocache=True, rm=True
        )
        made.append((engine.host, image.id))

    def clean() -> None:
        while made:
            host, image = made.pop()
            clients[host].images.remove(image)

    ratio = side_by_side(lambda: build(ours), lambda: build(theirs), rounds=5, clean=clean)
    yield Row("docker build of five small steps", str(ratio), ">= 10x", ratio.b_over_a >= 10)


def _context(dockerfile: str) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {"Dockerfile": dockerfile, "file": "two\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    buffer.seek(0)
    return buffer
