"""Which bash an image has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from course_lib.engine.interfaces import FileSystem

if TYPE_CHECKING:
    from course_lib.engine.userland.shell.shell import Shell

_RELEASES = {
    "centos": ("4.4.20", 2016, "[\\u@\\h \\W]\\$ "),
    "debian": ("5.2.15", 2022, "${debian_chroot:+($debian_chroot)}\\u@\\h:\\w\\$ "),
}
"""Version, year and prompt (as ``/etc/bashrc`` and ``/etc/bash.bashrc`` set it) of the bash of
CentOS 8 and of Debian 12, by the ID in ``/etc/os-release``."""
_MACHINE = "x86_64-pc-linux-gnu"


def _release(fs: FileSystem) -> tuple[str, int, str]:
    try:
        lines = fs.read_bytes("/etc/os-release").decode(errors="replace").splitlines()
    except OSError:
        lines = []
    ids = [line[3:].strip('"') for line in lines if line.startswith("ID=")]
    return _RELEASES.get(ids[0] if ids else "", _RELEASES["debian"])


def tell(shell: Shell) -> None:
    """Set what a bash says of itself in variables."""
    version, _, _ = _release(shell.machine.fs)
    shell.counts_lines = version >= "5"
    shell.variables.set("BASH_VERSION", f"{version}(1)-release")
    parts = [*version.split("."), "1", "release", _MACHINE]
    shell.variables.set_elements("BASH_VERSINFO", dict(enumerate(parts)))
    for name, value in (("HOSTTYPE", "x86_64"), ("MACHTYPE", _MACHINE), ("OSTYPE", "linux-gnu")):
        shell.variables.set(name, value)


def prompt(fs: FileSystem) -> str:
    """What the image's start-up file makes of ``PS1``."""
    return _release(fs)[2]


def text(fs: FileSystem) -> str:
    """What ``bash --version`` prints."""
    version, year, _ = _release(fs)
    return (
        f"GNU bash, version {version}(1)-release ({_MACHINE})\n"
        f"Copyright (C) {year} Free Software Foundation, Inc.\n"
        "License GPLv3+: GNU GPL version 3 or later <http://gnu.org/licenses/gpl.html>\n\n"
        "This is free software; you are free to change and redistribute it.\n"
        "There is NO WARRANTY, to the extent permitted by law.\n"
    )
