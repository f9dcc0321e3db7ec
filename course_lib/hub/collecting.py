"""nbgrader's collecting of submissions, for an exchange into which everybody of a class may write.

nbgrader warns where a submission is not of the user whose name it has, and collects it: the latest
one counts, so anybody could replace anybody's work. Nor does it look at links, which it follows as
the course's own account: a student's ``lesson.ipynb`` could be the one with the solutions.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.exchange import ExchangeError
from nbgrader.exchange.default import ExchangeCollect


class CarefulCollect(ExchangeCollect):
    """Collects what is a student's own: folders of the user whose name they have, files in them.

    With ``check_owner`` off, as where users have no names, only links are looked at.
    """

    def init_src(self) -> None:
        """Choose the latest submission of each student."""
        super().init_src()
        self.src_records = [record for record in self.src_records if record["own"]]

    def _path_to_record(self, path: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = super()._path_to_record(path)
        except (ExchangeError, ValueError, OverflowError):
            # Not as nbgrader names submissions, so there is no student, either.
            record = {"username": "", "filename": Path(path).name, "timestamp": datetime.min}
        record["own"] = self._is_of(record["username"], path)
        if not record["own"]:
            self.log.warning("%s is not of whom it says; left there", record["filename"])
        return record

    def _is_of(self, student: str, path: str) -> bool:
        try:
            found = os.lstat(path)
            owner = pwd.getpwuid(found.st_uid).pw_name if self.check_owner else student
        except (OSError, KeyError):
            return False
        return stat.S_ISDIR(found.st_mode) and owner == student and student not in {"", ".", ".."}

    def _sort_by_timestamp(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        own = [record for record in records if record["own"]]
        found: list[dict[str, Any]] = super()._sort_by_timestamp(own or records)
        return found

    def do_copy(self, src: str, dest: str, log: Any = None) -> None:
        """Copy one submission; where that fails, the others are collected all the same."""
        with tempfile.TemporaryDirectory(prefix="collect-") as folder:
            plain = Path(folder, "submission")
            try:
                assert self.coursedir is not None
                if self.get_size(src) > 1000 * self.coursedir.max_dir_size:
                    raise RuntimeError("it is larger than max_dir_size")
                for name in copy_plain(Path(src), plain):
                    self.log.warning("%s of %s is no file of theirs; left there", name, src)
                super().do_copy(str(plain), dest, log)
            except (OSError, RuntimeError) as error:
                self.log.error("%s cannot be collected: %s", src, error)


def copy_plain(source: Path, target: Path) -> list[str]:
    """Copy a folder's files as far as they are its owner's; the names of those that are not.

    No link is followed, also where what was a file a moment ago is a link now.

    :raises OSError: where something cannot be read.
    """
    owner = os.lstat(source).st_uid
    left = []
    target.mkdir()
    for folder, folders, files, descriptor in os.fwalk(source, follow_symlinks=False):
        inside = target / os.path.relpath(folder, source)
        for name in folders:
            if stat.S_ISDIR(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                (inside / name).mkdir()
            else:
                left.append(name)
        for name in files:
            if not _copy_file(name, descriptor, owner, inside / name):
                left.append(name)
    return left


def _copy_file(name: str, folder: int, owner: int, target: Path) -> bool:
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        return False
    # (Nobody waits for the other end of a named pipe.)
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(name, flags, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != owner:
            return False
        with target.open("xb") as copy:
            shutil.copyfileobj(file, copy)
    return True
