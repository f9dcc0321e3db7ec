"""Short words for what the tests of the file systems do all the time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from course_lib.engine.interfaces import FileSystem


@contextmanager
def refuses(number: int, path: str | None = None, *, also: tuple[int, ...] = ()) -> Iterator[None]:
    """The block raises ``OSError`` with that errno, or one of ``also`` (and names that path)."""
    try:
        yield
    except OSError as error:
        found, message, named = error.errno or 0, error.strerror, error.filename
    else:
        raise AssertionError(f"no {os.strerror(number)}")
    assert found in {number, *also}, f"{os.strerror(found)} instead of {os.strerror(number)}"
    assert message == os.strerror(found)
    assert path is None or named == path


def tree(fs: FileSystem, top: str) -> dict[str, str]:
    """What is below a directory: path -> kind, permissions, content or target."""
    found: dict[str, str] = {}
    for name in sorted(fs.listdir(top)):
        path = f"{top.rstrip('/')}/{name}"
        facts = fs.stat(path, follow=False)
        bits = f"{stat.S_IMODE(facts.mode):04o} {facts.uid}:{facts.gid}"
        if stat.S_ISDIR(facts.mode):
            found[path] = f"dir {bits}"
            found.update(tree(fs, path))
        elif stat.S_ISLNK(facts.mode):
            found[path] = f"link {fs.readlink(path)}"
        elif stat.S_ISREG(facts.mode):
            found[path] = f"file {bits} {fs.read_bytes(path)!r}"
        else:
            found[path] = f"other {bits}"
    return found
