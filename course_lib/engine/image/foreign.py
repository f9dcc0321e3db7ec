"""Refuses images whose programs are not ours: nothing here could run them.

The programs of the embedded engine are files that begin with ``#!embedded``. An ELF file among the
data of an image harms nobody; one that the image would start is a reason not to take the image.
"""

from __future__ import annotations

import os
import posixpath
import stat as statmod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from course_lib.engine.errdefs import InvalidParameter

if TYPE_CHECKING:
    from course_lib.engine.fs.containerfs import ContainerFs
    from course_lib.engine.image.model import ImageConfig

_ELF = b"\x7fELF"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SHELL = "/bin/sh"
_DEEP = 5
"""Interpreters of interpreters that Linux follows."""


def refuse_foreign(fs: ContainerFs, config: ImageConfig) -> None:
    """Look at what the image starts: its command, the interpreter of that, its shell.

    :raises InvalidParameter: one of them is a program for a real machine.
    """
    command = [*(config.entrypoint or ()), *(config.cmd or ())]
    for program in dict.fromkeys([*command[:1], _SHELL]):
        for path in _chain(fs, config, program):
            if _head(fs, path).startswith(_ELF):
                raise InvalidParameter(
                    f"the image would run {path}, a program for a real machine (ELF): the "
                    "embedded engine runs its own programs only, so it does not take the image"
                )


def _chain(fs: ContainerFs, config: ImageConfig, program: str) -> Iterator[str]:
    """The file that a program is, and the interpreters that it names."""
    for _ in range(_DEEP):
        path = _find(fs, config, program)
        if path is None:
            return
        yield path
        head = _head(fs, path)
        words = head[2:].split(b"\n")[0].split() if head.startswith(b"#!") else []
        if not words or words[0] == b"embedded":
            return
        if posixpath.basename(words[0]) == b"env" and len(words) > 1:
            yield from _chain(fs, config, os.fsdecode(words[0]))
            words = words[1:]
        program = os.fsdecode(words[0])


def _find(fs: ContainerFs, config: ImageConfig, program: str) -> str | None:
    for candidate in _candidates(config, program):
        try:
            if statmod.S_ISREG(fs.stat(candidate).mode):
                return fs.realpath(candidate)
        except OSError:
            continue
    return None


def _candidates(config: ImageConfig, program: str) -> Sequence[str]:
    if "/" in program:
        return [posixpath.join(config.working_dir or "/", program)]
    path = next((entry[5:] for entry in config.env if entry.startswith("PATH=")), _PATH)
    return [posixpath.join("/", folder, program) for folder in path.split(":")]


def _head(fs: ContainerFs, path: str) -> bytes:
    from course_lib.engine.image.layertar import read_now

    handle = fs.open(path, os.O_RDONLY)
    try:
        return read_now(handle, 256)
    finally:
        handle.close()
