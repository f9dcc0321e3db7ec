"""How fast files in a volume are, against the host's own ``dd``, and the 500th container."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.engines import BenchEngine
from tests.benchmarks.measure import Row, seconds, side_by_side

SIZE = "bs=1M count=256"
ALL_IMAGES = (
    "nginx alpine busybox centos redis redis:2.8 redis:3.0 elasticsearch:2 tomcat "
    "training/datavol ahmedgabercod/trainingwheels"
).split()


def against_the_host(ours: BenchEngine) -> Iterator[Row]:
    """256 MB through a volume, written and read with ``dd`` in a container and on the host."""
    ours.cli("run", "-d", "--name", "bench-dd", "-v", "bench-dd:/v", "alpine", "sleep", "86400")
    folder = Path(ours.cli("volume", "inspect", "bench-dd", "--format", "{{.Mountpoint}}"))
    inside, outside = "/v/inside", folder / "outside"

    def container(words: str) -> None:
        ours.cli("exec", "bench-dd", "dd", *words.split(), *SIZE.split())

    def host(words: str) -> None:
        subprocess.run(["dd", *words.split(), *SIZE.split()], check=True, capture_output=True)

    def fresh() -> None:
        (folder / "inside").unlink(missing_ok=True)
        outside.unlink(missing_ok=True)

    ratio = side_by_side(
        lambda: container(f"if=/dev/zero of={inside}"),
        lambda: host(f"if=/dev/zero of={outside}"),
        clean=fresh,
    )
    yield Row("256 MB into a volume, against dd", str(ratio), ">= 0.33x", ratio.b_over_a >= 0.33)
    for path in (folder / "inside", outside):
        host(f"if=/dev/zero of={path}")
    ratio = side_by_side(
        lambda: container(f"if={inside} of=/dev/null"), lambda: host(f"if={outside} of=/dev/null")
    )
    yield Row("256 MB out of a volume, against dd", str(ratio), ">= 0.33x", ratio.b_over_a >= 0.33)


def creating(ours: BenchEngine, count: int = 500) -> Iterator[Row]:
    """Create ``count`` containers of each image of the catalogue: the last against the tenth."""
    client = ours.client()
    for image in ALL_IMAGES:
        client.images.pull(*image.partition(":")[::2])
    times: dict[str, list[float]] = {image: [] for image in ALL_IMAGES}
    for _ in range(count):
        for image in ALL_IMAGES:
            times[image].append(seconds(lambda image=image: client.containers.create(image)))  # type: ignore[misc]
    for image, each in times.items():
        early, late = statistics.median(each[5:25]), statistics.median(each[-20:])
        yield Row(
            f"create container {count} of {image.rpartition('/')[2]}",
            f"{late / early:.2f}x ({early * 1000:.1f} ms, {late * 1000:.1f} ms)",
            "<= 1.5x",
            late / early <= 1.5,
        )
