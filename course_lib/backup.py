"""A learner's work in one file: the workspace's files and the volumes' contents.

For places that forget, as a Binder pod does: saved, downloaded, and brought back another day.
A backup is a zip archive::

    backup.json                    format; how many files; per volume its name, labels, driver
                                   and options
    progress.json                  what checks said so far, where any was asked
    files/networking/….ipynb       what lies in the workspace, but for hidden folders
    volumes/0.tar                  the contents of the first volume of the list

Restoring adds and never takes away. Of each exercise the most points count. A volume that exists
stays as it is; a file that is not as it was handed out stays, and the saved one lands beside it as
``NAME.saved.SUFFIX``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from course_lib import inside
from course_lib.errors import BackupError
from course_lib.files import write_whole
from course_lib.progress import NAME, Progress

FORMAT = 1
HEAD = "backup.json"
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError)
"""What :mod:`zipfile` raises for wrong bits; some ask for a password, or for what it cannot do."""
MOUNT = "/volume"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
"""A volume that nobody named: no later container could ask for it."""


@dataclass(slots=True)
class Restored:
    """What a restore did: paths relative to the workspace, and names of volumes.

    :param beside: for each file that stayed, where the saved one lies now.
    :param kept: volumes that existed and stayed as they were.
    :param exercises: for how many the points so far are more than those that were known here.
    """

    files: list[Path] = field(default_factory=list)
    beside: dict[Path, Path] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    exercises: int = 0


def save(
    target: Path,
    workspace: Path,
    client: Any,
    image: str,
    *,
    only: Collection[str] | None = None,
) -> list[str]:
    """Write a backup; returns the names of the volumes in it.

    :param image: any image that the engine has: volumes are read through a container of it that
        never starts.
    :param only: the volumes to take; by default all that have a name.
    :raises BackupError: where it cannot be written; no half of one is left.
    """
    volumes = [
        volume
        for volume in client.api.volumes()["Volumes"] or ()
        if not _ANONYMOUS.fullmatch(volume["Name"]) and (only is None or volume["Name"] in only)
    ]
    volumes.sort(key=lambda volume: str(volume["Name"]))
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            files = list(_files(workspace, {target, part}))
            head = {
                "format": FORMAT,
                "files": len(files),
                "volumes": [_description(volume) for volume in volumes],
            }
            archive.writestr(HEAD, json.dumps(head, indent=1))
            with suppress(FileNotFoundError):
                archive.writestr(NAME, Progress.of_workspace(workspace).path.read_bytes())
            for path in files:
                name = path.relative_to(workspace).as_posix()
                archive.write(path, f"files/{name}")
            for number, volume in enumerate(volumes):
                with (
                    _mounted(client.api, image, f"{volume['Name']}:{MOUNT}:ro,nocopy") as made,
                    archive.open(f"volumes/{number}.tar", "w", force_zip64=True) as out,
                ):
                    chunks, _ = client.api.get_archive(made, f"{MOUNT}/.")
                    for chunk in chunks:
                        out.write(chunk)
        part.replace(target)
    except OSError as error:
        raise BackupError(f"{target} cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)
    return [volume["Name"] for volume in volumes]


def restore(
    source: Path,
    workspace: Path,
    client: Any,
    image: str,
    *,
    untouched: Callable[[Path], bool] = lambda path: False,
) -> Restored:
    """Bring back what a backup holds.

    :param untouched: whether a file of the workspace is as it was handed out: it gives way.
    :raises BackupError: where the file is no backup, or a damaged one; nothing is changed then.
    """
    done = Restored()
    try:
        with zipfile.ZipFile(source) as archive:
            volumes, count = _read_head(archive)
            files = _members(archive)
            if archive.testzip() is not None or count not in (None, len(files)):
                raise zipfile.BadZipFile("files in it are not what was saved")
            if NAME in archive.namelist():
                done.exercises = Progress.of_workspace(workspace).bring_back(archive.read(NAME))
            for name, member in files.items():
                _bring_back(archive, member, workspace, name, done, untouched)
            for number, volume in enumerate(volumes):
                _refill(archive, f"volumes/{number}.tar", volume, client.api, image, done)
    except _DAMAGED as error:
        why = str(error) or "it ends too early"
        raise BackupError(f"{source} is no backup of this course, or damaged: {why}") from None
    except OSError as error:
        raise BackupError(f"{error.filename or source}: {error.strerror or error}") from None
    return done


def _description(volume: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": volume["Name"],
        "driver": volume["Driver"],
        "labels": volume["Labels"] or {},
        "options": volume["Options"] or {},
    }


def _files(workspace: Path, without: Collection[Path]) -> Iterator[Path]:
    """The learner's files; no hidden ones, no links (they could lead anywhere), no pipes."""
    for folder, folders, names in os.walk(workspace):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            hidden = name.startswith(".") or path in without
            if not hidden and path.is_file() and not path.is_symlink() and not _is_backup(path):
                yield path


def _is_backup(path: Path) -> bool:
    if path.suffix != ".zip" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return HEAD in archive.namelist()


def _read_head(archive: zipfile.ZipFile) -> tuple[list[dict[str, Any]], int | None]:
    """What it says of volumes, and how many files there are: early releases did not say."""
    try:
        head = json.loads(archive.read(HEAD))
        if head["format"] > FORMAT:
            raise BackupError(
                "this backup was made by a newer release of the course", "upgrade the course here"
            )
        volumes: list[dict[str, Any]] = head["volumes"]
        for number, volume in enumerate(volumes):
            archive.getinfo(f"volumes/{number}.tar")
            str(volume["name"]), dict(volume["labels"]), dict(volume["options"])
        return volumes, head.get("files")
    except (ValueError, TypeError) as error:
        raise BackupError(f"{HEAD} in it cannot be read: {error}") from None


def _members(archive: zipfile.ZipFile) -> dict[PurePosixPath, str]:
    """The files in it, by where they belong in the workspace.

    :raises BackupError: for one that would land elsewhere.
    """
    found = {}
    for member in archive.namelist():
        path = PurePosixPath(member)
        if path.parts[:1] != ("files",) or member.endswith("/"):
            continue
        name = PurePosixPath(*path.parts[1:])
        if not name.parts or ".." in name.parts or any(p.startswith(".") for p in name.parts):
            raise BackupError(f"the file {member!r} in it belongs to no workspace")
        found[name] = member
    return found


def _bring_back(
    archive: zipfile.ZipFile,
    member: str,
    workspace: Path,
    name: PurePosixPath,
    done: Restored,
    untouched: Callable[[Path], bool],
) -> None:
    relative = Path(name)
    path = workspace / relative
    if not path.resolve().is_relative_to(workspace.resolve()):
        raise BackupError(f"{path} leads out of the workspace")
    content = archive.read(member)
    if path.exists():
        if path.is_file() and path.read_bytes() == content:
            return
        if not (path.is_file() and untouched(relative)):
            relative = _free_name(workspace, relative, content)
            done.beside[Path(name)] = relative
            path = workspace / relative
    write_whole(path, content)
    if relative == Path(name):
        done.files.append(relative)


def _free_name(workspace: Path, relative: Path, content: bytes) -> Path:
    number = 1
    while True:
        mark = ".saved" if number == 1 else f".saved-{number}"
        candidate = relative.with_name(f"{relative.stem}{mark}{relative.suffix}")
        path = workspace / candidate
        if not path.exists() or (path.is_file() and path.read_bytes() == content):
            return candidate
        number += 1


def _refill(
    archive: zipfile.ZipFile,
    member: str,
    volume: dict[str, Any],
    api: Any,
    image: str,
    done: Restored,
) -> None:
    from docker.errors import APIError, NotFound

    name = volume["name"]
    try:
        api.inspect_volume(name)
    except NotFound:
        pass
    else:
        done.kept.append(name)
        return
    try:
        api.create_volume(
            name, driver=volume["driver"], driver_opts=volume["options"], labels=volume["labels"]
        )
        with (
            archive.open(member) as packed,
            tempfile.TemporaryFile() as plain,
            _mounted(api, image, f"{name}:{MOUNT}:nocopy") as made,
        ):
            # The SDK wants to know how long it is.
            shutil.copyfileobj(packed, cast(IO[bytes], plain))
            plain.seek(0)
            api.put_archive(made, MOUNT, plain)
    except APIError as error:
        with suppress(APIError):
            api.remove_volume(name)
        raise BackupError(f"the volume {name} cannot be filled: {error.explanation}") from None
    done.volumes.append(name)


@contextmanager
def _mounted(api: Any, image: str, bind: str) -> Iterator[str]:
    """A container that never starts, with a volume at :data:`MOUNT`."""
    made = inside.make(api, image, "none", command=("true",), binds=[bind], start=False)
    try:
        yield made
    finally:
        inside.remove(api, made)
