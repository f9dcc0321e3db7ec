"""Reading files inside a container through the engine (``GET /containers/{id}/archive``).

Nothing has to run in it and no program of its own is trusted: the engine itself packs the files,
from volumes and bind mounts too, of a container that runs, has stopped or was never started.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import docker.errors

from graders.expectation import ObservationError
from graders.probe_container import observing

MAX_BYTES = 8 * 1024 * 1024
"""More than any exercise asks for; a student's gigabytes are not read."""
MAX_SEARCHED = 32 * MAX_BYTES
"""As much is searched for a text, piece by piece."""
MAX_LINKS = 8
_NOTHING_THERE = ("not a directory", "too many levels of symbolic links", "too many links in")
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileView:
    """A path in a container.

    ``kind`` is ``file``, ``directory``, ``other``, ``missing``, or ``huge`` for a file (of a tree:
    for all of it) that has more than :data:`MAX_BYTES` and was therefore not read.
    """

    path: str
    kind: str
    content: bytes = b""
    """Of a file that was read."""
    size: int = 0
    """Of a file, in bytes."""

    @property
    def is_file(self) -> bool:
        return self.kind in ("file", "huge")

    @property
    def text(self) -> str:
        """The content as UTF-8; what is not becomes U+FFFD.

        :raises ObservationError: the file is too large to be read.
        """
        if self.kind == "huge":
            raise ObservationError(f"{self.path} holds more than {MAX_BYTES // 2**20} MB")
        return self.content.decode("utf-8", "replace")


class _TooMuchError(Exception):
    """More than :data:`MAX_BYTES` came: what there was of it until then."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__()
        self.beginning = beginning


class _Pieces(io.RawIOBase):
    """A file of the pieces that an engine sends.

    :raises ObservationError: more came than is searched.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""
        self._came = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with observing():
            while not self._left and (chunk := next(self._chunks, None)) is not None:
                self._left = chunk
        piece, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        self._came += len(piece)
        if self._came > MAX_SEARCHED:
            raise ObservationError(f"there is more than {MAX_SEARCHED // 2**20} MB to search")
        buffer[: len(piece)] = piece
        return len(piece)


class ContainerFiles:
    """The files of one container. ``api`` is a :class:`docker.APIClient`."""

    def __init__(self, api: Any, container: str) -> None:
        self._api = api
        self._id = container

    def read(self, path: str) -> FileView:
        """What is at an absolute path; symbolic links are followed inside the container."""
        where = path
        for _ in range(MAX_LINKS):
            try:
                archive = self._archive(where)
            except _TooMuchError as much:
                with tarfile.open(fileobj=io.BytesIO(much.beginning)) as begun:
                    first = begun.next()
                if first is None or not first.isfile():
                    return FileView(path, "directory")
                return FileView(path, "huge", size=first.size)
            member = archive.next() if archive is not None else None
            if archive is None or member is None:
                return FileView(path, "missing")
            if member.issym():
                where = posixpath.normpath(
                    posixpath.join(posixpath.dirname(where), member.linkname)
                )
                continue
            if member.isfile():
                stream = archive.extractfile(member)
                content = stream.read() if stream else b""
                return FileView(path, "file", content, len(content))
            return FileView(path, "directory" if member.isdir() else "other")
        return FileView(path, "other")

    def tree(self, path: str) -> dict[str, FileView] | None:
        """Everything below a directory, by path relative to it; None where there is none.

        Directories count; links and devices are ``other``.
        """
        try:
            archive = self._archive(posixpath.join(path, "."))
        except _TooMuchError:
            return {".": FileView(path, "huge")}
        if archive is None:
            return None
        found = {}
        for member in archive:
            # The archive of ``DIR/.`` begins with ``./``.
            name = posixpath.normpath(member.name)
            if name in (".", "/"):
                continue
            content = b""
            # A further name of a file that came before is a file as well.
            is_file = member.isfile() or member.islnk()
            if is_file:
                # An engine may leave out the file that it names: then it has no content.
                with suppress(KeyError):
                    stream = archive.extractfile(member)
                    content = stream.read() if stream else b""
            kind = "file" if is_file else "directory" if member.isdir() else "other"
            found[name] = FileView(name, kind, content, len(content))
        return found

    def holding(self, path: str, text: bytes) -> set[str]:
        """The files below a directory that hold ``text``, by path relative to it.

        However large they are, up to :data:`MAX_SEARCHED` altogether.

        :raises ObservationError: it is more.
        """
        chunks = self._chunks(posixpath.join(path, "."))
        if chunks is None:
            return set()
        found = set()
        with tarfile.open(fileobj=io.BufferedReader(_Pieces(chunks)), mode="r|") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None and _holds(stream, text):
                    found.add(posixpath.normpath(member.name))
        return found

    def _archive(self, path: str) -> tarfile.TarFile | None:
        """The engine's tar of ``path``; None where there is nothing at that path."""
        chunks = self._chunks(path)
        if chunks is None:
            return None
        data = bytearray()
        with observing():
            for chunk in chunks:
                data += chunk
                if len(data) > MAX_BYTES:
                    raise _TooMuchError(bytes(data))
        return tarfile.open(fileobj=io.BytesIO(bytes(data)))

    def _chunks(self, path: str) -> Iterator[bytes] | None:
        """The engine's tar of ``path``, as it comes; None where there is nothing at that path."""
        with observing():
            try:
                chunks: Iterable[bytes] = self._api.get_archive(self._id, path)[0]
            except docker.errors.NotFound:
                return None
            except docker.errors.APIError as error:
                # dockerd gives these as errors of its own (500), where a student's links lead.
                if any(reason in (error.explanation or "") for reason in _NOTHING_THERE):
                    return None
                raise
        return iter(chunks)


def _holds(stream: IO[bytes], text: bytes) -> bool:
    """Whether ``text`` is in what comes, also across two pieces."""
    end = b""
    while piece := stream.read(_PIECE):
        if text in end + piece:
            return True
        end = piece[-len(text) :]
    return False
