"""Reading files inside a container through the engine (``GET /containers/{id}/archive``).

Nothing has to run in it and no program of its own is trusted: the engine itself packs the files,
from volumes and bind mounts too, of a container that runs, has stopped or was never started.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import docker.errors

from graders.probe_container import observing

MAX_BYTES = 8 * 1024 * 1024
"""More than any exercise asks for; a student's gigabytes are not read."""
MAX_LINKS = 8
_NOTHING_THERE = ("not a directory", "too many levels of symbolic links", "too many links")


@dataclass(frozen=True, slots=True)
class FileView:
    """A path in a container.

    ``kind`` is ``file``, ``directory``, ``other``, ``missing``, or ``huge`` for what is more than
    :data:`MAX_BYTES` and was therefore not read.
    """

    path: str
    kind: str
    content: bytes = b""
    """Of a file."""

    @property
    def is_file(self) -> bool:
        return self.kind == "file"

    @property
    def text(self) -> str:
        """The content as UTF-8; what is not becomes U+FFFD."""
        return self.content.decode("utf-8", "replace")


class _TooMuchError(Exception):
    """More than :data:`MAX_BYTES` came."""


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
            except _TooMuchError:
                return FileView(path, "huge")
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
                return FileView(path, "file", content)
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
            found[name] = FileView(name, kind, content)
        return found

    def _archive(self, path: str) -> tarfile.TarFile | None:
        """The engine's tar of ``path``; None where there is nothing at that path."""
        with observing():
            try:
                chunks, _ = self._api.get_archive(self._id, path)
            except docker.errors.NotFound:
                return None
            except docker.errors.APIError as error:
                # dockerd gives these as errors of its own (500), where a student's links lead.
                if any(reason in (error.explanation or "") for reason in _NOTHING_THERE):
                    return None
                raise
            data = bytearray()
            for chunk in chunks:
                data += chunk
                if len(data) > MAX_BYTES:
                    raise _TooMuchError
        return tarfile.open(fileobj=io.BytesIO(bytes(data)))
