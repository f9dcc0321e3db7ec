"""Where the course keeps what outlives a program: by the XDG base directory rules.

Nothing is created here but the private folder for sockets; who writes a file makes its folder.
"""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from course_lib.errors import EngineUnavailable, SocketPathTooLong

APPLICATION = "docker-course"
SOCKET_PATH_BYTES = 103 if sys.platform == "darwin" else 107
"""``sun_path`` holds 104 or 108 bytes, and one of them ends the string."""


def config_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """For what the user chose."""
    return _base(environ, "XDG_CONFIG_HOME", ".config") / APPLICATION


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """For engine states, journals and records of engines."""
    return _base(environ, "XDG_DATA_HOME", ".local/share") / APPLICATION


def default_state(environ: Mapping[str, str] = os.environ) -> Path:
    """The state directory of the embedded engine where none is named."""
    return data_folder(environ) / "engine"


def digest(path: Path | str) -> str:
    """A short name for a path or an address, the same in every program."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]


def socket_for(state: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The socket of the engine that keeps its state there, in a folder of this user alone.

    ``$XDG_RUNTIME_DIR`` where it is ours and short enough, else a folder among the temporary
    files.

    :raises SocketPathTooLong: where no candidate is short enough.
    :raises EngineUnavailable: where somebody else holds the folder among the temporary files.
    """
    private = f"{APPLICATION}-{os.getuid()}"
    candidates = [Path(tempfile.gettempdir()) / private, Path("/tmp") / private]
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    if runtime and os.access(runtime, os.W_OK) and Path(runtime).stat().st_uid == os.getuid():
        candidates.insert(0, socket_in(Path(runtime), state).parent)
    for folder in candidates:
        path = folder / _socket_name(state)
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            make_private(folder)
            return path
    raise SocketPathTooLong(
        f"no folder for the engine's socket has a short enough path ({candidates[0]})",
        "name one with --socket",
    )


def socket_in(runtime: Path, state: Path) -> Path:
    """That socket where ``runtime`` is what ``$XDG_RUNTIME_DIR`` names."""
    return runtime / APPLICATION / _socket_name(state)


def _socket_name(state: Path) -> str:
    return f"engine-{digest(state)}.sock"


def make_private(folder: Path) -> None:
    """Make a folder that only this user may enter, or see that it is one.

    :raises EngineUnavailable: where it belongs to somebody else or is a link.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise EngineUnavailable(
                f"{folder} belongs to somebody else", "name another socket with --socket"
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise EngineUnavailable(f"{folder} cannot be used: {error.strerror}") from None


def check_socket_path(path: Path) -> None:
    """:raises SocketPathTooLong: where the operating system cannot bind such a path."""
    length = len(os.fsencode(path))
    if length > SOCKET_PATH_BYTES:
        raise SocketPathTooLong(
            f"the socket path is {length} bytes long, at most {SOCKET_PATH_BYTES} are possible: "
            f"{path}",
            "name a shorter one with --socket",
        )


def _base(environ: Mapping[str, str], variable: str, default: str) -> Path:
    value = environ.get(variable, "")
    # The XDG rules ignore relative paths.
    if value.startswith("/"):
        return Path(value)
    home = environ.get("HOME") or str(Path.home())
    return Path(home) / default
