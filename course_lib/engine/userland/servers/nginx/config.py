"""Reading nginx's configuration files out of a container.

crossplane, nginx's own parser for tools, does the grammar: it knows every directive, where it may
stand and how many words it takes. It reads real files, so the container's are laid out in a
temporary directory first and its messages are put back into the container's names.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.engine.interfaces import FileSystem

_INCLUDE = re.compile(r"""((?:^|[;{}\s])include\s+)("[^"]*"|'[^']*'|[^\s;"']+)""")
_ESCAPED = re.compile(r"""\\(["'\\trn])""")
_MAX_FILES = 200


class ConfigError(Exception):
    """The configuration cannot be used; ``str(error)`` is what follows ``[emerg]``."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive with its words, where it stands, and what is in its braces."""

    name: str
    args: tuple[str, ...]
    file: str
    line: int
    block: tuple[Directive, ...] = field(default=())

    def error(self, message: str) -> ConfigError:
        """``message in FILE:LINE``."""
        return ConfigError(f"{message} in {self.file}:{self.line}")


def collect(fs: FileSystem, path: str, extra: str = "") -> tuple[tuple[str, str], ...]:
    """The configuration file and everything it includes: (path, text), the main one first.

    :param extra: directives that stand in no file (``-g``), put under the name of that option.
    :raises ConfigError: a file cannot be read.
    """
    texts: dict[str, str] = {}
    pending = [(path, path)]
    folder = posixpath.dirname(path)
    while pending:
        name, _ = pending.pop(0)
        if name in texts:
            continue
        if len(texts) >= _MAX_FILES:
            raise ConfigError("too many included files")
        try:
            text = fs.read_bytes(name).decode(errors="replace")
        except OSError as error:
            raise ConfigError(f'open() "{name}" failed ({error.errno}: {error.strerror})') from None
        texts[name] = text
        for match in _INCLUDE.finditer(_without_comments(text)):
            pattern = posixpath.join(folder, match[2].strip("\"'"))
            pending += [(found, name) for found in _expand(fs, pattern)]
    return tuple(texts.items()) + ((("-g", extra),) if extra else ())


def _without_comments(text: str) -> str:
    return re.sub(r"(?m)^\s*#.*$", "", text)


def _expand(fs: FileSystem, pattern: str) -> list[str]:
    """Files that an include names; a pattern that fits nothing is no error."""
    if not any(c in pattern for c in "*?["):
        return [pattern]
    folder, _, name = pattern.rpartition("/")
    folders = _expand(fs, folder) if any(c in folder for c in "*?[") else [folder or "/"]
    found = []
    for each in folders:
        try:
            entries = fs.listdir(each)
        except OSError:
            continue
        found += [posixpath.join(each, e) for e in sorted(entries) if fnmatch.fnmatchcase(e, name)]
    return [f for f in found if not f.rpartition("/")[2].startswith(".") or name.startswith(".")]


@lru_cache(maxsize=16)
def parse(files: tuple[tuple[str, str], ...]) -> tuple[Directive, ...]:
    """The directives of the main context, includes in place.

    Containers of one image have the same files, so the last results are kept.

    :param files: as :func:`collect` gives them.
    :raises ConfigError: with nginx's message.
    """
    import crossplane

    main = files[0][0]
    folder = posixpath.dirname(main)
    with tempfile.TemporaryDirectory(prefix="nginx-conf-") as root:

        def inside(match: re.Match[str]) -> str:
            target = posixpath.join(folder, match[2].strip("\"'"))
            return f'{match[1]}"{root}{target}"'

        for name, text in files:
            place = Path(root + (name if name.startswith("/") else f"/{name}"))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_INCLUDE.sub(inside, text), encoding="utf-8")
        directives: list[Directive] = []
        for name in (main, *(("/-g",) if files[-1][0] == "-g" else ())):
            payload = crossplane.parse(root + name, combine=True)  # type: ignore[no-untyped-call]
            for trouble in payload["errors"]:
                raise ConfigError(_message(trouble, root))
            directives += _directives(payload["config"][0]["parsed"], root)
        return tuple(directives)


def _message(trouble: dict[str, Any], root: str) -> str:
    message = str(trouble["error"]).replace(root, "")
    if message.startswith("[Errno"):
        message = message.split("] ", 1)[1]
    message = re.sub(r" in /-g:\d+$", " in command line", message)
    return message.replace(f'include "{root}', 'include "')


def _directives(rows: list[dict[str, Any]], root: str) -> tuple[Directive, ...]:
    return tuple(
        Directive(
            row["directive"],
            tuple(_ESCAPED.sub(_unescaped, word) for word in row["args"]),
            str(row["file"]).removeprefix(root),
            row["line"],
            _directives(row.get("block", []), root),
        )
        for row in rows
    )


def _unescaped(match: re.Match[str]) -> str:
    # As ngx_conf_read_token does in every word; crossplane keeps them, to write them again.
    return {"t": "\t", "r": "\r", "n": "\n"}.get(match[1], match[1])


def is_known(name: str) -> bool:
    """Whether nginx has a directive of that name at all."""
    from crossplane.analyzer import DIRECTIVES

    return name in DIRECTIVES
