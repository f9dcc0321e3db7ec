"""``COPY`` and ``ADD``: which files are meant, and putting them in place.

Follows moby's ``builder/dockerfile/copy.go``, error texts included.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat as statmod
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from course_lib.engine.builder.context import Source, is_outside, matches, walk
from course_lib.engine.builder.goquote import go_quote
from course_lib.engine.builder.instructions import Transfer, clean
from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.fs.archive import extract_tar, read_tar
from course_lib.engine.fs.containerfs import ContainerFs
from course_lib.engine.fs.handles import CHUNK
from course_lib.engine.image.layertar import read_now
from course_lib.engine.interfaces import OpenFile
from course_lib.engine.userland.users import groups, users

_MAX_ID = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Found:
    """A file or directory to copy, and its digest."""

    path: str
    digest: str


async def find(step: Transfer, source: Source) -> list[Found]:
    """What the sources of an instruction are.

    :raises EngineError: with dockerd's words.
    """
    found: list[Found] = []
    for text in step.sources:
        try:
            found += await _find_one(step, source, text)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EngineError(f"{step.word} failed: stat {text}: {reason}") from None
    if not found:
        raise EngineError(f"{step.word} failed: no source files were specified")
    if len(found) > 1 and not step.destination.endswith("/"):
        raise EngineError(
            f"When using {step.word} with more than one source file, the destination must be a "
            "directory and end with a /"
        )
    return found


async def _find_one(step: Transfer, source: Source, text: str) -> list[Found]:
    if text.startswith(("http://", "https://")):
        if step.word == "COPY":
            raise EngineError("COPY failed: source can't be a URL for COPY")
        raise EngineError(
            f"ADD failed: Get {go_quote(text)}: dial tcp: lookup {urlsplit(text).hostname}: "
            "network is unreachable (the embedded engine has no way out of this machine)"
        )
    path = text.removeprefix("/").removeprefix("./")
    if _has_wildcards(path):
        fitting = [one for one in walk(source.fs, "/") if matches(path, one[1:])]
        return [Found(one, await source.digest(one)) for one in fitting]
    if is_outside(path):
        raise EngineError(
            f"{step.word} failed: forbidden path outside the build context: {path} ()"
        )
    place = clean(f"/{path}")
    try:
        return [Found(place, await source.digest(place))]
    except (FileNotFoundError, NotADirectoryError):
        where = ""
        if source.is_context:
            where = "file not found in build context or excluded by .dockerignore: "
        raise EngineError(f"{step.word} failed: {where}stat {path}: file does not exist") from None


def _has_wildcards(path: str) -> bool:
    escaped = False
    for char in path:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in "*?[":
            return True
    return False


def comment(step: Transfer, found: list[Found]) -> str:
    """What the history says of the step; the cache goes by it."""
    if len(found) == 1:
        digest = found[0].digest
    else:
        joined = ",".join(one.digest for one in found)
        digest = f"multi:{hashlib.sha256(joined.encode()).hexdigest()}"
    chown = f"--chown={step.chown} " if step.chown else ""
    return f"{step.word} {chown}{digest} in {step.destination} "


async def copy(
    step: Transfer, found: list[Found], source: Source, target: ContainerFs, working_dir: str
) -> None:
    """Put the files in place.

    :param target: the files of the new image.
    :raises EngineError: with dockerd's words.
    """
    owner = _owner(step, target)
    keep = bool(step.source) and not step.chown
    destination = step.destination
    if not destination.startswith("/"):
        slash = "/" if destination.endswith("/") else ""
        destination = clean(posixpath.join("/", working_dir, destination)).rstrip("/") + slash
    for one in found:
        try:
            await _copy_one(step, one, source, target, destination or "/", owner, keep=keep)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise EngineError(f"failed to copy files: {error.filename}: {reason}") from None


async def _copy_one(
    step: Transfer,
    one: Found,
    source: Source,
    target: ContainerFs,
    destination: str,
    owner: tuple[int, int],
    *,
    keep: bool,
) -> None:
    path = source.fs.realpath(one.path)
    is_directory = statmod.S_ISDIR(source.fs.stat(path).mode)
    if is_directory:
        place = make_directories(target, destination, owner)
        await extract_tar(
            target, place, read_tar(source.fs, path, ""), keep_owners=keep, owner=owner
        )
        return
    if step.word == "ADD" and _is_archive(source.fs, path):
        place = make_directories(target, destination, (0, 0))
        await extract_tar(target, place, _bytes(source.fs, path), clamp=True)
        return
    if destination.endswith("/") or _is_directory(target, destination):
        place = posixpath.join(
            make_directories(target, destination, owner), posixpath.basename(one.path)
        )
    else:
        parent = make_directories(target, posixpath.dirname(destination), owner)
        place = posixpath.join(parent, posixpath.basename(destination))
    place = target.realpath(place)
    directory, name = posixpath.split(place)
    await extract_tar(
        target, directory, read_tar(source.fs, path, name), keep_owners=keep, owner=owner
    )


def _is_directory(fs: ContainerFs, path: str) -> bool:
    try:
        return statmod.S_ISDIR(fs.stat(path).mode)
    except OSError:
        return False


def may_be_directory(fs: ContainerFs, path: str) -> bool:
    """Whether a directory is or can be made at a path."""
    here = "/"
    for part in path.split("/"):
        here = posixpath.join(here, part)
        if fs.access(here, os.F_OK) and not _is_directory(fs, here):
            return False
    return True


def make_directories(fs: ContainerFs, path: str, owner: tuple[int, int]) -> str:
    """Make what is missing of a directory; gives its path without links."""
    here = "/"
    for part in path.split("/"):
        if not part:
            continue
        here = fs.realpath(posixpath.join(here, part))
        if not fs.access(here, os.F_OK):
            fs.mkdir(here, 0o755)
            if any(owner):
                fs.chown(here, *owner)
    return here


async def _bytes(fs: ContainerFs, path: str) -> AsyncIterator[bytes]:
    handle = fs.open(path, os.O_RDONLY)
    try:
        while data := await handle.read(CHUNK):
            yield data
    finally:
        handle.close()


def _is_archive(fs: ContainerFs, path: str) -> bool:
    """Whether a file is a tar archive, compressed or not, with a member at least."""
    handle = fs.open(path, os.O_RDONLY)
    try:
        reader: Any = _Reader(handle)
        with tarfile.open(fileobj=reader, mode="r|*") as archive:
            return archive.next() is not None
    except (tarfile.TarError, EOFError, OSError, ValueError):
        return False
    finally:
        handle.close()


class _Reader:
    """An open file of the context for :mod:`tarfile`; it never has to wait."""

    def __init__(self, handle: OpenFile) -> None:
        self._handle = handle

    def read(self, size: int) -> bytes:
        return read_now(self._handle, size)


def _owner(step: Transfer, fs: ContainerFs) -> tuple[int, int]:
    """``--chown``: names are looked up in the image."""
    if not step.chown:
        return 0, 0
    user, _, group = step.chown.partition(":")
    if step.chown.count(":") > 1:
        raise EngineError(_CHOWN + f"invalid chown string format: {step.chown}")
    if ":" not in step.chown:
        group = user
    known_users = {entry.name: entry.uid for entry in reversed(users(fs))}
    known_groups = {entry.name: entry.gid for entry in reversed(groups(fs))}
    return _id(user, known_users, "user", "uid"), _id(group, known_groups, "group", "gid")


_CHOWN = "unable to convert uid/gid chown string to host mapping: "


def _id(text: str, known: dict[str, int], kind: str, what: str) -> int:
    if text.isascii() and text.isdigit():
        if int(text) > _MAX_ID:
            raise InvalidParameter(f"{_CHOWN}{what} {text} is out of range")
        return int(text)
    if text not in known:
        raise EngineError(f"{_CHOWN}can't find {what} for {kind} {text}: no such {kind}: {text}")
    return known[text]
