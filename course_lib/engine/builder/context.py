"""Where ``COPY`` takes files from: the build context, or the files of an image.

The context is unpacked into a directory of its own and read through the container's path walk, so
that no link in it leads out of it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import re
import stat as statmod
from collections.abc import Iterator

from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.fs.containerfs import ContainerFs
from course_lib.engine.fs.handles import CHUNK

DEFAULT_DOCKERFILE = "Dockerfile"
_LARGEST_DOCKERFILE = 1 << 20


class Source:
    """Files to copy.

    :ivar fs: the files, from their own root.
    :ivar is_context: whether it is the build context (error texts differ).
    """

    def __init__(self, fs: ContainerFs, *, is_context: bool) -> None:
        self.fs = fs
        self.is_context = is_context
        self._digests: dict[str, str] = {}

    async def digest(self, path: str) -> str:
        """``file:…`` or ``dir:…``: changes when the file or anything in the directory does.

        Times do not count. ``OSError`` where there is no such file.
        """
        if not statmod.S_ISDIR(self.fs.stat(path).mode):
            return f"file:{await self._file(self.fs.realpath(path))}"
        found = [await self._file(below) for below in walk(self.fs, self.fs.realpath(path))]
        return f"dir:{hashlib.sha256(','.join(sorted(found)).encode()).hexdigest()}"

    async def _file(self, path: str) -> str:
        if path not in self._digests:
            stat = self.fs.stat(path, follow=False)
            facts = [path, stat.mode, stat.uid, stat.gid]
            digest = hashlib.sha256()
            if statmod.S_ISLNK(stat.mode):
                facts.append(self.fs.readlink(path))
            elif statmod.S_ISREG(stat.mode):
                facts.append(stat.size)
                handle = self.fs.open(path, os.O_RDONLY)
                try:
                    while data := await handle.read(CHUNK):
                        digest.update(data)
                finally:
                    handle.close()
            digest.update(repr(facts).encode("utf-8", "surrogateescape"))
            self._digests[path] = digest.hexdigest()
        return self._digests[path]


def walk(fs: ContainerFs, path: str) -> Iterator[str]:
    """Everything below a directory, in the order of names, links not followed."""
    for name in sorted(fs.listdir(path)):
        below = posixpath.join(path, name)
        yield below
        if statmod.S_ISDIR(fs.stat(below, follow=False).mode):
            yield from walk(fs, below)


def is_outside(path: str) -> bool:
    """Whether a path leads out of the context by its own text."""
    relative = posixpath.normpath(path.lstrip("/") or ".")
    return relative == ".." or relative.startswith("../")


def read_dockerfile(fs: ContainerFs, name: str) -> bytes:
    """The Dockerfile of a context; it is taken away where ``.dockerignore`` names it.

    :raises EngineError: with dockerd's words.
    """
    if is_outside(name):
        raise EngineError(f"forbidden path outside the build context: {name} ()")
    path = f"/{name}"
    try:
        data = _read(fs, path, name)
    except (FileNotFoundError, NotADirectoryError):
        if name == DEFAULT_DOCKERFILE and fs.access("/dockerfile", os.F_OK):
            return read_dockerfile(fs, "dockerfile")
        raise EngineError(f"Cannot locate specified Dockerfile: {name}") from None
    except OSError as error:
        raise EngineError(f"read {name}: {(error.strerror or '').lower()}") from None
    if not data:
        raise InvalidParameter(f"the Dockerfile ({name}) cannot be empty")
    _remove_ignored(fs, name)
    return data


def _read(fs: ContainerFs, path: str, name: str) -> bytes:
    stat = fs.stat(path)
    if statmod.S_ISDIR(stat.mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if stat.size > _LARGEST_DOCKERFILE:
        raise InvalidParameter(
            f"the Dockerfile ({name}) is too large: the embedded engine reads at most "
            f"{_LARGEST_DOCKERFILE} bytes"
        )
    return fs.read_bytes(path)


def _remove_ignored(fs: ContainerFs, name: str) -> None:
    """Clients send the Dockerfile and ``.dockerignore`` even where the latter excludes them."""
    try:
        text = fs.read_bytes("/.dockerignore").decode("utf-8", "surrogateescape")
    except OSError:
        return
    patterns = ignore_patterns(text)
    for one in (".dockerignore", name):
        if ignored(posixpath.normpath(one), patterns) and fs.access(f"/{one}", os.F_OK):
            fs.unlink(f"/{one}")


def ignore_patterns(text: str) -> list[str]:
    """The lines of a ``.dockerignore`` (moby ``patternmatcher/ignorefile``)."""
    found = []
    for line in text.removeprefix("\ufeff").splitlines():
        pattern = "" if line.startswith("#") else line.strip()
        if not pattern:
            continue
        negated = pattern.startswith("!")
        pattern = pattern[negated:].strip()
        if pattern:
            pattern = posixpath.normpath(pattern)
            if len(pattern) > 1 and pattern.startswith("/"):
                pattern = pattern.lstrip("/")
        found.append(("!" if negated else "") + pattern)
    return found


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether the patterns exclude a path or a directory above it; the last word holds."""
    parts = path.split("/")
    above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
    result = False
    for pattern in patterns:
        negated = pattern.startswith("!")
        if negated == result and any(_fits(pattern[negated:], one) for one in above):
            result = not negated
    return result


def _fits(pattern: str, path: str) -> bool:
    """As :func:`matches`, and ``**`` stands for any number of directories."""
    parts = []
    for part in re.split(r"(\*\*/?)", pattern):
        if part == "**/":
            parts.append("(?:.*/)?")
        elif part == "**":
            parts.append(".*")
        else:
            translated = _translate(part)
            if translated is None:
                return False
            parts.append(translated)
    return re.fullmatch("".join(parts), path, re.DOTALL) is not None


def matches(pattern: str, path: str) -> bool:
    """Go's ``filepath.Match``: a star does not reach over a slash; a bad pattern fits nothing."""
    translated = _translate(pattern)
    return translated is not None and re.fullmatch(translated, path, re.DOTALL) is not None


def _translate(pattern: str) -> str | None:
    result = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            result.append("[^/]*")
        elif char == "?":
            result.append("[^/]")
        elif char == "\\":
            if at == len(pattern):
                return None
            result.append(re.escape(pattern[at]))
            at += 1
        elif char == "[":
            found = re.compile(r"(\^?)((?:\\.|[^\]\\])+)\]", re.DOTALL).match(pattern, at)
            if found is None:
                return None
            inside = "".join(
                re.escape(one.removeprefix("\\")) if one != "-" else one
                for one in re.findall(r"\\.|.", found[2], re.DOTALL)
            )
            result.append(f"[{found[1]}{inside}]")
            at = found.end()
        else:
            result.append(re.escape(char))
    text = "".join(result)
    try:
        re.compile(text)
    except re.error:
        return None
    return text
