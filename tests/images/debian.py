"""Debian packages as file trees: downloaded by apt, unpacked in memory, nothing installed.

They come from one release whatever the machine runs, so that the images are the same
everywhere. (The busybox of the release before crashes in ``wget -T``.)
"""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tests.images.tree import Tree

RELEASE = "trixie"
SOURCE = (
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    f" http://deb.debian.org/debian {RELEASE} main\n"
)
ROOTS = (
    "base-files", "bash", "bind9-dnsutils", "bind9-host", "busybox-static", "coreutils", "curl",
    "dash", "debianutils", "docker-cli",
    "findutils", "grep", "gzip", "hostname", "iputils-ping", "ldnsutils", "libc-bin",
    "libpython3-stdlib", "mawk",
    "nginx-light", "python3-minimal", "redis-server", "redis-tools", "sed", "tar",
)  # fmt: skip

# Reached through Depends, but only maintainer scripts and daemons' comfort need them.
_NOT_NEEDED = frozenset((
    "adduser", "debconf", "dpkg", "init-system-helpers", "iproute2", "libnginx-mod-http-echo",
    "lsb-base", "passwd", "perl", "perl-base", "sysvinit-utils", "usrmerge", "gcc-12-base",
    "gcc-14-base", "libaudit-common", "libsemanage-common", "libpam-modules",
    "libpam-modules-bin", "libpam0g", "libsystemd-shared",
))  # fmt: skip
_LEFT_OUT = (
    "usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info", "usr/share/lintian",
    "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/aarch64-linux-gnu/gconv", "lib/systemd",
    "usr/lib/systemd", "etc/init.d", "etc/systemd", "usr/share/bug", "var/lib/dpkg",
)  # fmt: skip


class PackageError(Exception):
    """apt or dpkg could not deliver a package; the message is theirs."""


class PackageStore:
    """The closure of some packages, kept as ``.deb`` files in ``folder`` between runs."""

    def __init__(self, folder: Path, roots: Sequence[str] = ROOTS) -> None:
        self._folder = folder
        self._roots = roots

    def download(self) -> None:
        """Gets what is not there yet. Needs ``apt-get``; no root, nothing is installed."""
        folder = self._folder
        complete = folder / "complete"
        if complete.exists() and complete.read_text().split() == sorted(self._roots):
            return
        for name in ("archives/partial", "lists/partial"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("")  # as if nothing were installed: the whole closure
        (folder / "sources.list").write_text(SOURCE)
        options = {
            "Dir::State::status": folder / "status",
            "Dir::State::lists": folder / "lists",
            "Dir::Cache": folder,
            "Dir::Cache::archives": folder / "archives",
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::Etc::preferencesparts": "-",
            "APT::Sandbox::User": "root",
            "Debug::NoLocking": "1",
        }
        apt = ["apt-get", "-qq", "-y"]
        apt += [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        _run(*apt, "update")
        _run(*apt, "install", "--download-only", "--no-install-recommends", *self._roots)
        complete.write_text("\n".join(sorted(self._roots)))

    def tree(self, *packages: str) -> Tree:
        """The files of ``packages`` and of all that they depend on."""
        tree = Tree()
        for name in self._closure(packages):
            raw = _run("dpkg-deb", "--fsys-tarfile", str(self._files[name]))
            with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                tree.add_tar(archive, skip=_LEFT_OUT)
        return tree

    def busybox_applets(self) -> list[str]:
        """The paths at which busybox wants its applets, such as ``sbin/ifconfig``."""
        binary = self.tree("busybox-static").entries["usr/bin/busybox"].data
        assert binary is not None
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "busybox"
            path.write_bytes(binary)
            path.chmod(0o755)
            return _run(str(path), "--list-full").decode().split()

    @cached_property
    def _files(self) -> dict[str, Path]:
        return {p.name.partition("_")[0]: p for p in (self._folder / "archives").glob("*.deb")}

    def _closure(self, packages: tuple[str, ...]) -> list[str]:
        found: set[str] = set()
        todo = list(packages)
        while todo:
            name = todo.pop()
            if name in found or name in _NOT_NEEDED or name not in self._files:
                continue
            found.add(name)
            fields = _run("dpkg-deb", "-f", str(self._files[name]), "Depends", "Pre-Depends")
            for value in re.findall(r"^(?:Pre-)?Depends: (.*)$", fields.decode(), re.M):
                todo += [self._pick(clause) for clause in value.split(",")]
        return sorted(found)

    def _pick(self, clause: str) -> str:
        names = [re.split(r"[\s:(]", option.strip())[0] for option in clause.split("|")]
        return next((name for name in names if name in self._files), names[0])


def _run(*command: str) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise PackageError(done.stderr.decode(errors="replace").strip())
    return done.stdout
