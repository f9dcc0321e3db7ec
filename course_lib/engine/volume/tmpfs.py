"""Options of ``--tmpfs`` and ``--mount type=tmpfs`` (moby: ``pkg/mount``, ``volume/mounts``).

dockerd knows their names; what their values mean is for the kernel to say
(:mod:`course_lib.engine.fs.tmpfsoptions`).
"""

from __future__ import annotations

from collections.abc import Mapping

from course_lib.engine.errdefs import InvalidParameter

_FLAG_WORDS = (
    "defaults ro rw suid nosuid dev nodev exec noexec sync async dirsync atime noatime diratime "
    "nodiratime relatime norelatime strictatime nostrictatime"
)
_FLAGS = frozenset(_FLAG_WORDS.split())
_DATA = frozenset({"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"})


def split_options(text: str) -> dict[str, str]:
    """``size=1m,ro`` as names with their values; flags have an empty one."""
    parts = (part.partition("=") for part in text.split(",") if part)
    return {name: value for name, _, value in parts}


def parse_tmpfs(text: str) -> dict[str, str]:
    """The text behind the path of ``--tmpfs`` as options of a mount.

    Raises ``InvalidParameter`` for what is no option of a tmpfs.
    """
    for part in text.split(","):
        name, has_value, _ = part.partition("=")
        if part and name not in (_DATA if has_value else _FLAGS):
            raise InvalidParameter(f'invalid tmpfs option "{part}"')
    return split_options(text)


def tmpfs_from_api(options: Mapping[str, object] | None, *, read_only: bool) -> dict[str, str]:
    """The ``TmpfsOptions`` of a mount as options of a mount.

    :param options: ``SizeBytes`` and ``Mode``, both optional.
    """
    found = {"ro": ""} if read_only else {}
    given = options or {}
    mode = given.get("Mode")
    if isinstance(mode, int) and mode:
        found["mode"] = f"{mode:o}"
    size = given.get("SizeBytes")
    if isinstance(size, int) and size > 0:
        found["size"] = str(size)
    return found
