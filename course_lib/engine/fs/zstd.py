"""Archives compressed with zstd, which dockerd reads: Python has no reader before 3.14."""

from __future__ import annotations

from course_lib.engine.errdefs import NotImplementedByEngine

MAGIC = b"\x28\xb5\x2f\xfd"


def refuse_zstd(head: bytes) -> None:
    """:raises NotImplementedByEngine: an archive that begins so is compressed with zstd."""
    if head.startswith(MAGIC):
        raise NotImplementedByEngine("an archive compressed with zstd")
