"""A student's workspace: the lessons as they were released, and what the student made of them.

``.docker-course/workspace.json`` remembers what was handed out. A notebook that still is what
was handed out follows a newer release; one that the student changed stays as it is, and the
newer one lands beside it as ``NAME.new.ipynb``. What was only opened has not changed
(``students_work``).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.catalog import Catalog, course
from course_lib.errors import CourseError, NotOurWorkspace
from course_lib.files import write_whole
from course_lib.progress import STATE
from course_lib.release import RECIPE, release_notebook
from course_lib.students_work import bytes_digest, digest

FORMAT = 1
MARK = Path(STATE) / "workspace.json"


@dataclass(slots=True)
class Workspace:
    """A workspace after it was made or reopened, and what that did to its files.

    :param first: the first lesson's notebook, relative to the folder.
    :param made: files that were not there; ``updated`` ones follow a newer release.
    :param beside: for each changed file with a newer release, where that one lies now.
    """

    folder: Path
    first: Path
    created: bool
    made: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    beside: dict[Path, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Handed:
    """One file as it was handed out: what it was made from, and the two files' digests."""

    source: str
    released: str
    beside: str = ""

    def is_now(self, target: Path, content: bytes) -> bool:
        """Whether a file with this content still is what was handed out."""
        return self.released in (bytes_digest(content), digest(target, content))


def prepare(
    folder: Path,
    *,
    catalog: Catalog | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> Workspace:
    """Make a workspace in a new or empty folder, or reopen the one that is there.

    :raises NotOurWorkspace: where the folder holds other things, or a workspace that cannot be
        read; nothing is changed then.
    :raises CourseError: where it cannot be written.
    """
    catalog = catalog or course()
    folder = folder.absolute()
    known = _read_mark(folder)
    first = next(catalog.lessons())
    workspace = Workspace(
        folder, Path(first.assignment) / f"{first.name}.ipynb", created=known is None
    )
    handed = dict(known or {})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target, (source, build) in _releases(catalog).items():
            was = handed.get(str(target))
            path = folder / target
            if was is not None and was.source == source and path.exists():
                continue
            announce(f"preparing {target}")
            handed[str(target)] = _place(workspace, target, build(), source, was)
            # After each file: an interrupt must not make a handed-out file look changed.
            _write_mark(folder, handed)
        _write_mark(folder, handed)
    except OSError as error:
        where = error.filename or folder
        raise CourseError(f"{where} cannot be written: {error.strerror}") from None
    return workspace


def is_untouched(folder: Path, file: Path) -> bool:
    """Whether a file of a workspace still is as it was handed out.

    :param file: relative to the folder of the workspace.
    """
    handed = (_read_mark(folder) or {}).get(file.as_posix())
    path = folder / file
    return handed is not None and path.is_file() and handed.is_now(file, path.read_bytes())


def _place(
    workspace: Workspace, target: Path, content: bytes, source: str, was: _Handed | None
) -> _Handed:
    """Put a release where it belongs without losing what the student did."""
    path = workspace.folder / target
    released = digest(target, content)
    if not path.exists():
        write_whole(path, content)
        workspace.made.append(target)
        return _Handed(source, released)
    now = path.read_bytes()
    if digest(target, now) == released:
        return _Handed(source, released)
    if was is not None and was.is_now(target, now):
        write_whole(path, content)
        workspace.updated.append(target)
        return _Handed(source, released)
    newest = was.beside or was.released if was is not None else ""
    if newest == released:
        # A newer recipe made the same bytes again.
        return _Handed(source, was.released if was else released, was.beside if was else "")
    beside = _free_name(workspace.folder, target, was)
    write_whole(workspace.folder / beside, content)
    workspace.beside[target] = beside
    return _Handed(source, was.released if was else "", released)


def _free_name(folder: Path, target: Path, was: _Handed | None) -> Path:
    """A name for the newer release: an untouched earlier one gives way, others never."""
    number = 1
    while True:
        mark = ".new" if number == 1 else f".new-{number}"
        candidate = target.with_name(f"{target.stem}{mark}{target.suffix}")
        path = folder / candidate
        if not path.exists():
            return candidate
        if was is not None and was.beside == digest(target, path.read_bytes()):
            return candidate
        number += 1


def _releases(catalog: Catalog) -> dict[Path, tuple[str, Callable[[], bytes]]]:
    """Every file of a workspace: the digest of what it is made from, and how it is made."""
    found: dict[Path, tuple[str, Callable[[], bytes]]] = {}
    notebooks = [catalog.notebook(lesson) for lesson in catalog.lessons()]
    for source in (catalog.index, *notebooks):
        try:
            content = source.read_bytes()
        except OSError as error:
            raise CourseError(f"{source} cannot be read: {error.strerror}") from None
        target = source.relative_to(catalog.folder)
        found[target] = (
            bytes_digest(RECIPE.encode() + content),
            lambda source=source: release_notebook(source),  # type: ignore[misc]
        )
    for assignment in catalog.assignments:
        # Whatever else lies beside the notebooks belongs to the lessons as it is.
        for path in sorted((catalog.folder / assignment.name).rglob("*")):
            hidden = any(part.startswith((".", "__")) for part in path.parts)
            if path.is_file() and path.suffix != ".ipynb" and not hidden:
                content = path.read_bytes()
                target = path.relative_to(catalog.folder)
                found[target] = (bytes_digest(content), lambda content=content: content)  # type: ignore[misc]
    return found


def _read_mark(folder: Path) -> dict[str, _Handed] | None:
    """What was handed out, or ``None`` where a workspace can be made."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise NotOurWorkspace(f"{folder} is no directory", "name another one")
    mark = folder / MARK
    if not mark.exists():
        if any(folder.iterdir()):
            raise NotOurWorkspace(
                f"{folder} holds other things and is no workspace of this course",
                "name a new or empty directory",
            )
        return None
    try:
        document: Mapping[str, Any] = json.loads(mark.read_text(encoding="utf-8"))
        if document["format"] > FORMAT:
            raise NotOurWorkspace(
                f"{folder} was made by a newer release of the course", "upgrade the course here"
            )
        return {name: _Handed(**entry) for name, entry in document["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotOurWorkspace(
            f"{mark} cannot be read: {error}", "use a new directory and copy your notebooks there"
        ) from None


def _write_mark(folder: Path, handed: Mapping[str, _Handed]) -> None:
    files = {
        name: {"source": h.source, "released": h.released, "beside": h.beside}
        for name, h in sorted(handed.items())
    }
    write_whole(folder / MARK, json.dumps({"format": FORMAT, "files": files}, indent=1).encode())
