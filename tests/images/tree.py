"""A file tree in memory that becomes a tar archive with the same bytes every time."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass, field

_MERGED = ("bin", "sbin", "lib", "lib64")


@dataclass(frozen=True)
class Entry:
    """One path of a tree: a directory, a symbolic link or a file (mode as in chmod)."""

    mode: int
    data: bytes | None = None
    link: str | None = None
    uid: int = 0

    @property
    def is_directory(self) -> bool:
        return self.data is None and self.link is None


@dataclass
class Tree:
    """Paths (relative, no leading slash) and what is there."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def directory(self, path: str, mode: int = 0o755, uid: int = 0) -> None:
        self.entries[_clean(path)] = Entry(mode, uid=uid)

    def file(self, path: str, data: bytes | str, mode: int = 0o644, uid: int = 0) -> None:
        raw = data.encode() if isinstance(data, str) else data
        self.entries[_clean(path)] = Entry(mode, raw, uid=uid)

    def link(self, path: str, target: str) -> None:
        self.entries[_clean(path)] = Entry(0o777, link=target)

    def add_tar(self, archive: tarfile.TarFile, skip: tuple[str, ...] = ()) -> None:
        """Takes over the members of ``archive``, /bin and its like moved to /usr (usrmerge)."""
        for member in archive:
            path = _usrmerge(_clean(member.name))
            if not path or path in _MERGED or path.startswith(skip):
                continue
            if member.isdir():
                self.entries.setdefault(path, Entry(member.mode & 0o7777))
            elif member.issym():
                self.link(path, member.linkname)
            elif member.islnk():
                self.entries[path] = self.entries[_usrmerge(_clean(member.linkname))]
            elif member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None
                self.file(path, stream.read(), member.mode & 0o7777)

    def merge_usr(self) -> None:
        """Makes /bin, /sbin, /lib and /lib64 the symbolic links they are on Debian."""
        for name in _MERGED:
            self.link(name, f"usr/{name}")

    def to_tar(self) -> bytes:
        """The tree as an uncompressed tar: sorted, parents included, times at zero."""
        self._add_parents()
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for path in sorted(self.entries):
                entry = self.entries[path]
                info = tarfile.TarInfo(path)
                info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.uid
                if entry.link is not None:
                    info.type, info.linkname = tarfile.SYMTYPE, entry.link
                    archive.addfile(info)
                elif entry.data is not None:
                    info.size = len(entry.data)
                    archive.addfile(info, io.BytesIO(entry.data))
                else:
                    info.type = tarfile.DIRTYPE
                    archive.addfile(info)
        return buffer.getvalue()

    def _add_parents(self) -> None:
        for path in list(self.entries):
            parent = path.rpartition("/")[0]
            while parent:
                self.entries.setdefault(parent, Entry(0o755))
                parent = parent.rpartition("/")[0]


def _clean(path: str) -> str:
    clean = path.removeprefix("./").strip("/")
    return "" if clean == "." else clean


def _usrmerge(path: str) -> str:
    top = path.partition("/")[0]
    return f"usr/{path}" if top in _MERGED and path != top else path
