"""Options of ``--tmpfs`` and ``--mount type=tmpfs`` (moby: ``pkg/mount``, ``volume/mounts``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from course_lib.engine.errdefs import InvalidParameter

_FLAG_WORDS = (
    "defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync atime noatime diratime "
    "nodiratime relatime norelatime strictatime nostrictatime"
)
_FLAGS = frozenset(_FLAG_WORDS.split())
_DATA = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def parse_tmpfs(text: str) -> dict[str, str]:
    """The text behind the path of ``--tmpfs`` as options of a mount.

    ``size`` becomes bytes. Raises ``InvalidParameter`` for what is no option of a tmpfs.
    """
    return _parse(part for part in text.split(",") if part)


def tmpfs_from_api(options: Mapping[str, object] | None, *, read_only: bool) -> dict[str, str]:
    """The ``TmpfsOptions`` of a mount as options of a mount.

    :param options: ``SizeBytes`` and ``Mode``, both optional.
    """
    parts = ["ro"] if read_only else []
    given = options or {}
    mode = given.get("Mode")
    if isinstance(mode, int) and mode:
        parts.append(f"mode={mode:o}")
    size = given.get("SizeBytes")
    if isinstance(size, int) and size > 0:
        parts.append(f"size={size}")
    return _parse(parts)


def _parse(parts: Iterable[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in parts:
        name, has_value, value = part.partition("=")
        if has_value and name in _DATA:
            options[name] = str(_size(part, value)) if name == "size" else _checked(part, value)
        elif not has_value and name in _FLAGS:
            options[name] = ""
        else:
            raise InvalidParameter(f'invalid tmpfs option "{part}"')
    return options


def _checked(part: str, value: str) -> str:
    name = part.partition("=")[0]
    if name != "mpol" and not (value.isascii() and value.isdigit()):
        raise InvalidParameter(f'invalid tmpfs option "{part}"')
    if name == "mode":
        try:
            if int(value, 8) > 0o7777:
                raise ValueError
        except ValueError:
            raise InvalidParameter(f'invalid tmpfs option "{part}"') from None
    return value


def _size(part: str, value: str) -> int:
    unit = _UNITS.get(value[-1:].lower(), 1)
    digits = value[:-1] if unit > 1 else value
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidParameter(f'invalid tmpfs option "{part}"')
    return int(digits) * unit
