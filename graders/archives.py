"""Reading an archive that a student made: bounded, and never unpacked to the disk."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

from graders.probe_files import MAX_BYTES

MAX_MEMBERS = 2000
MAX_UNPACKED = 2 * MAX_BYTES
"""With the headers, and what files and archives are filled up with."""
_COMPRESSED: tuple[Callable[[Path], io.BufferedIOBase], ...] = (
    gzip.GzipFile, bz2.BZ2File, lzma.LZMAFile,
)  # fmt: skip
_BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


class NotAnArchiveError(Exception):
    """The file is no tar archive, or too large to be looked into; the message says which."""


def read_tar(path: Path) -> dict[str, bytes]:
    """What a tar archive, compressed or not, holds besides folders, by the names in it.

    What is no file has no content; a further name of a file has that of the file.

    :raises NotAnArchiveError: naming the reason.
    """
    files: dict[str, bytes] = {}
    left = MAX_BYTES
    try:
        with tarfile.open(fileobj=io.BytesIO(_unpacked(path)), mode="r:") as archive:
            for number, member in enumerate(archive):
                if number >= MAX_MEMBERS:
                    raise NotAnArchiveError(f"it has more than {MAX_MEMBERS} entries")
                if member.isdir():
                    continue
                left -= member.size
                if left < 0:
                    raise NotAnArchiveError(f"it holds more than {MAX_BYTES} bytes")
                if member.islnk():
                    files[member.name] = files.get(member.linkname, b"")
                    continue
                stream = archive.extractfile(member) if member.isfile() else None
                files[member.name] = stream.read() if stream else b""
    except (tarfile.TarError, *_BROKEN) as error:
        raise NotAnArchiveError("it is no tar archive that can be read") from error
    return files


def _unpacked(path: Path) -> bytes:
    """Uncompressed, and no more than is looked at: a header may promise gigabytes."""
    for opened in _COMPRESSED:
        try:
            with opened(path) as stream:
                return _bounded(stream)
        except _BROKEN:  # not compressed so
            continue
    with path.open("rb") as stream:
        return _bounded(stream)


def _bounded(stream: io.BufferedIOBase) -> bytes:
    data = stream.read(MAX_UNPACKED + 1)
    if len(data) > MAX_UNPACKED:
        raise NotAnArchiveError(f"it holds more than {MAX_BYTES} bytes")
    return data
