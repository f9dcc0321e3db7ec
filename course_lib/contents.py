"""What is in a volume or a folder of the host: the first names, read through the engine alone.

``GET /containers/{id}/archive`` packs what a container sees at a path, whether it runs or not.
Nothing runs in it and nothing is changed; of a large one only the beginning is fetched.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 256 * 1024
"""Of one archive; what lies behind is not counted."""
MOST_NAMES = 200
SECONDS = 2.0
"""For an answer to begin."""
STAT_HEADER = "X-Docker-Container-Path-Stat"
# A bit of Go's os.FileMode, in which the engine tells what is at a path.
_SOCKET = 1 << 24


@dataclass(frozen=True, slots=True)
class Item:
    """A name at the top of a folder.

    :param size: bytes of a file, number of files in a folder.
    """

    name: str
    size: int
    folder: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({self.measure})"

    @property
    def measure(self) -> str:
        """``12 B``, ``3.4 kB``, ``2 files``."""
        if self.folder:
            return f"{self.size} file{'' if self.size == 1 else 's'}"
        return bytes_in_words(self.size)


@dataclass(frozen=True, slots=True)
class Contents:
    """What was seen of a volume or a path.

    :param kind: ``folder``, or what else is there: ``file``, ``socket``.
    :param items: at the top of a folder, by name; a file has itself for its only item.
    :param complete: False where there is more than was looked at.
    """

    items: tuple[Item, ...] = ()
    complete: bool = True
    kind: str = "folder"


def bytes_in_words(size: int) -> str:
    """``999 B``, ``1.5 kB``, ``20 MB``: decimal units, as Docker prints them."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"


def read(api: Any, container: str, path: str, *, besides: Collection[str] = ()) -> Contents | None:
    """What a container has at ``path``; None where that cannot be told.

    :param api: a :class:`docker.APIClient`.
    :param besides: paths below that are other mounts: not looked at.
    """
    from requests.exceptions import RequestException

    # The SDK's own get_archive keeps the connection until all of the archive is read.
    url = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
    try:
        with api.get(url, params={"path": path}, stream=True, timeout=SECONDS) as answer:
            if answer.status_code != 200:
                return None
            mode = _mode(answer.headers)
            if mode & _SOCKET:  # tar has no sockets
                return Contents(kind="socket")
            limited = _Limited(answer.iter_content(32 * 1024))
            return _listed(limited, path, {posixpath.normpath(one) for one in besides})
    except (RequestException, OSError, tarfile.TarError, ValueError):
        return None


class _Limited:
    """The first :data:`MOST_BYTES` of a stream, as a file that can only be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._left = MOST_BYTES

    def read(self, size: int) -> bytes:
        while len(self._held) < size and self._left > 0:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._held += chunk
            self._left -= len(chunk)
        found, self._held = self._held[:size], self._held[size:]
        return found


def _listed(stream: Any, path: str, besides: set[str]) -> Contents:
    sizes: dict[str, int] = {}
    folders: set[str] = set()
    complete = True
    first = True
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                # The archive of /a/b begins with b, or with b/ and what is in it.
                _, _, name = posixpath.normpath(member.name).partition("/")
                if first:
                    first = False
                    if not member.isdir():
                        own = Item(posixpath.basename(path), member.size)
                        return Contents((own,), kind="file")
                    continue
                if any(_within(posixpath.join(path, name), one) for one in besides):
                    continue
                top, _, below = name.partition("/")
                if not below and len(sizes) >= MOST_NAMES:
                    complete = False
                    break
                if member.isdir():
                    if not below:
                        folders.add(top)
                        sizes.setdefault(top, 0)
                elif below:
                    sizes[top] = sizes.get(top, 0) + 1
                else:
                    sizes[top] = member.size
    except tarfile.TarError:
        # Cut where enough was read; what was read before holds.
        if first:
            raise
        complete = False
    items = tuple(Item(n, sizes[n], n in folders) for n in sorted(sizes))
    return Contents(items, complete)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _mode(headers: Mapping[str, str]) -> int:
    try:
        document = json.loads(base64.b64decode(headers.get(STAT_HEADER, "")))
    except (ValueError, binascii.Error):
        return 0
    mode = document.get("mode") if isinstance(document, dict) else 0
    return mode if isinstance(mode, int) else 0
