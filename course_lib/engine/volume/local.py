"""The ``local`` driver: a volume is a directory, or what its options say.

The options are those of ``mount(8)`` (moby: ``volume/local``): ``type=tmpfs`` keeps the content in
memory while it is mounted, ``type=none,o=bind,device=/path`` is a directory of the host. What
would need the kernel (NFS, block devices) is refused when the volume is made.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter, NotImplementedByEngine, SystemFailure
from course_lib.engine.volume.tmpfs import split_options

if TYPE_CHECKING:
    from course_lib.engine.clock import Clock
    from course_lib.engine.fs.inode import Tree

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
_NEEDED = {"device": ("type",), "type": ("device",), "o": ("device", "type")}
_OPTIONS = (*_NEEDED, "size")
_SIZE = re.compile(r"(\d+(?:\.\d+)*) ?[kmgtpKMGTP]?(?:[iI]?[bB])?", re.ASCII)


def check_name(name: str) -> None:
    """Refuse a name that cannot be a directory's, in dockerd's words."""
    if len(name) == 1 and name.isascii() and name.isalnum():
        raise InvalidParameter(
            "volume name is too short, names should be at least two alphanumeric characters"
        )
    if not _NAME.fullmatch(name):
        raise InvalidParameter(
            f'"{name}" includes invalid characters for a local volume name, only '
            '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, '
            "use absolute path"
        )


def check_options(options: Mapping[str, str]) -> None:
    """Refuse options that the driver does not know or cannot carry out."""
    for name in options:
        if name not in _OPTIONS:
            raise InvalidParameter(f'invalid option: "{name}"')
    if "size" in options:
        _check_quota(options["size"])
    for name in options:
        for needed in _NEEDED.get(name, ()):
            if needed not in options:
                raise InvalidParameter(f'missing required option: "{needed}"')
    if _is_mounted(options) and not _is_tmpfs(options) and not _is_bind(options):
        raise NotImplementedByEngine(f'a local volume of type "{options["type"]}"')


def _check_quota(size: str) -> None:
    """As dockerd where its disk has no quotas: none is wanted, or it is refused."""
    found = _SIZE.fullmatch(size)
    if not found:
        raise InvalidParameter(f"invalid size: '{size}'")
    if found[1].strip("0."):
        raise InvalidParameter("quota size requested but no quota support")


def _is_mounted(options: Mapping[str, str]) -> bool:
    return bool(options.get("device") or options.get("type"))


def _is_tmpfs(options: Mapping[str, str]) -> bool:
    return options.get("type") == "tmpfs"


def _is_bind(options: Mapping[str, str]) -> bool:
    words = options.get("o", "").split(",")
    return options.get("type") == "none" and ("bind" in words or "rbind" in words)


class LocalDriver:
    """Directories ``ROOT/NAME/_data``, open to nobody but the engine's user."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root = root
        # Where volumes lie while they are removed: a name may be as long as a file's can be.
        self._removing = root / ".removing"
        self._clock = clock

    def data(self, name: str) -> Path:
        """Where the files of a volume are (``Mountpoint``)."""
        return self._root / name / "_data"

    def create(self, name: str) -> None:
        """Make the directory of a volume."""
        path = self.data(name)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(exist_ok=True)
            path.chmod(0o755)
        except OSError as error:
            raise SystemFailure(
                f"error while creating volume root path '{path.parent}': "
                f"mkdir {path.parent}: {(error.strerror or str(error)).lower()}"
            ) from None

    def remove(self, name: str) -> None:
        """Put the files of a volume aside, then delete them; :meth:`sweep` finishes the job."""
        directory = self._root / name
        aside = self._removing / name
        import shutil

        try:
            if aside.exists():
                shutil.rmtree(aside)
            if directory.exists():
                self._removing.mkdir(exist_ok=True)
                directory.rename(aside)
        except OSError as error:
            raise SystemFailure(f"cannot remove {directory}: {error.strerror}") from None

    def make_room(self, name: str) -> None:
        """Delete the files of a volume that was put aside, but not yet that it was."""
        import shutil

        aside = self._removing / name
        _make_removable(aside)
        with os.scandir(aside) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    os.unlink(entry.path)

    def sweep(self) -> list[str]:
        """Delete what was put aside; the names of those volumes."""
        import shutil

        names = []
        for aside in self._removing.glob("*"):
            _make_removable(aside)
            shutil.rmtree(aside, ignore_errors=True)
            names.append(aside.name)
        with suppress(OSError):  # not there, or one of them could not be deleted
            self._removing.rmdir()
        return names

    def tree(self, name: str, options: Mapping[str, str]) -> Tree:
        """The file system to mount; the same object has to serve all that mount it together.

        Raises ``SystemFailure`` with dockerd's words where it cannot be mounted.
        """
        from course_lib.engine.fs.hostdir import HostTree
        from course_lib.engine.fs.mounts import volume_owners
        from course_lib.engine.fs.tmpfsoptions import TmpfsOptions

        path = self.data(name)
        if _is_mounted(options) and not options["device"]:
            raise SystemFailure(
                f"error while mounting volume '{path}': missing device in volume options"
            )
        if _is_tmpfs(options):
            text = options.get("o", "")
            try:
                given = TmpfsOptions.read(split_options(text))
            except OSError as error:
                raise SystemFailure(
                    f"error while mounting volume '{path}': failed to mount local volume: mount "
                    f"{options['device']}:{path}, data: {text}: {(error.strerror or '').lower()}"
                ) from None
            tree = given.tree(self._clock, 0x3000 + sum(name.encode()))
            tree.source, tree.options = options["device"], given.shown()
            tree.read_only = given.read_only
            return tree
        if _is_bind(options):
            device = options["device"]
            try:
                bound = HostTree(Path(os.path.realpath(device, strict=True)), shared=True)
            except OSError as error:
                raise SystemFailure(
                    f"error while mounting volume '{path}': failed to mount local volume: "
                    f"mount {device}:{path}, flags: 0x1000: {(error.strerror or '').lower()}"
                ) from None
            bound.read_only = "ro" in options["o"].split(",")
            return bound
        if not path.is_dir():
            self.create(name)
        return HostTree(path, volume_owners(path))

    def size(self, name: str) -> int:
        """Bytes in all files of a volume."""
        total = 0
        pending = [str(self.data(name))]
        while pending:
            try:
                with os.scandir(pending.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(entry.path)
                        else:
                            total += entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
        return total


def _make_removable(top: Path) -> None:
    """Let directories that the host's user made unwritable be deleted."""
    for folder, _, _ in os.walk(top):
        if not os.access(folder, os.W_OK | os.X_OK):
            os.chmod(folder, 0o700)
