"""The ``docker`` command: found on ``PATH``, or fetched without root from the distribution.

On Debian and Ubuntu the client is the distribution's own package, downloaded by ``apt-get`` and
unpacked by ``dpkg-deb`` beside the environment; nothing is installed on the machine and no
daemon comes along.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from course_lib import places
from course_lib.errors import ClientMissing

PACKAGES = ("docker-cli", "docker.io")
"""Where the client is: a package of its own since Debian 13, part of ``docker.io`` before and
on Ubuntu."""
DOWNLOAD_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Client:
    """A ``docker`` command; ``private`` where it was unpacked beside the environment."""

    path: Path
    private: bool = False

    def version(self) -> str:
        """What ``docker --version`` says of itself: ``28.2.2``; empty where it does not run."""
        try:
            done = subprocess.run(
                [self.path, "--version"], capture_output=True, text=True, timeout=20, check=True
            )
        except (OSError, subprocess.SubprocessError):
            return ""
        words = done.stdout.replace(",", " ").split()
        return words[words.index("version") + 1] if "version" in words[:-1] else ""


def private_folders(environ: Mapping[str, str] = os.environ) -> tuple[Path, Path]:
    """Where an unpacked client lies: beside the environment, or else among the user's data."""
    beside = Path(sys.prefix) / "share" / places.APPLICATION / "bin"
    return beside, places.data_folder(environ) / "bin"


def find(environ: Mapping[str, str] = os.environ) -> Client | None:
    """The ``docker`` command that this environment would run, or one unpacked for it."""
    found = shutil.which("docker", path=environ.get("PATH", os.defpath))
    private = private_folders(environ)
    if found:
        return Client(Path(found), Path(found).parent in private)
    for folder in private:
        if os.access(folder / "docker", os.X_OK):
            return Client(folder / "docker", True)
    return None


def put_on_path(client: Client, environ: MutableMapping[str, str] = os.environ) -> None:
    """Let programs that this one starts find the client."""
    folder = str(client.path.parent)
    known = environ.get("PATH", os.defpath)
    if client.private and folder not in known.split(os.pathsep):
        environ["PATH"] = os.pathsep.join((folder, known))


def mending_command(environ: Mapping[str, str] = os.environ) -> str:
    """The one command that brings a client to this machine."""
    if sys.platform == "darwin":
        return "brew install docker"
    if environ.get("CONDA_PREFIX"):
        return "conda install -c conda-forge docker-cli"
    if shutil.which("apt-get") and shutil.which("dpkg-deb"):
        return "course doctor --fetch-client"
    return "install the docker command with this system's package manager"


def fetch(
    environ: Mapping[str, str] = os.environ, announce: Callable[[str], None] = lambda _: None
) -> Client:
    """Download the distribution's client and unpack it beside the environment. Needs no root.

    :raises ClientMissing: where this is neither Debian nor Ubuntu, or the download fails; the
        hint is the command to use instead.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise ClientMissing("there is no docker command on PATH", mending_command(environ))
    folder = _writable(private_folders(environ))
    with tempfile.TemporaryDirectory(prefix=f"{places.APPLICATION}-") as scratch:
        work = Path(scratch)
        announce("fetching the docker client from the distribution's package")
        package = _download(work)
        _run(["dpkg-deb", "-x", str(package), str(work / "tree")], work)
        binary = work / "tree" / "usr" / "bin" / "docker"
        if not binary.is_file():
            raise ClientMissing(f"the package {package.name} holds no docker command")
        part = folder / f"docker.{os.getpid()}.part"
        shutil.copyfile(binary, part)
        part.chmod(0o755)
        part.replace(folder / "docker")
    client = Client(folder / "docker", True)
    if not client.version():
        client.path.unlink()
        raise ClientMissing("the docker client of this distribution does not run here")
    return client


def _download(work: Path) -> Path:
    """The package file; with this system's package lists, or where it has none, fresh ones."""
    last = ClientMissing("no package with the docker client was found")
    for options in _list_options(work):
        for name in PACKAGES:
            try:
                _run(["apt-get", *options, "download", name], work)
            except ClientMissing as error:
                last = error
                continue
            with contextlib.suppress(StopIteration):
                return next(work.glob(f"{name}_*.deb"))
    raise ClientMissing(
        f"the docker client could not be fetched: {last.message}",
        "apt-get install docker-cli (or docker.io), as root",
    )


def _list_options(work: Path) -> Iterator[list[str]]:
    # apt drops privileges to a user who cannot write here; there are none to drop.
    sandbox = ["-qq", "-o", "APT::Sandbox::User=root"]
    yield sandbox
    # Images of containers come without package lists, and only root may fetch them to the usual
    # place; apt takes another one.
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    own = [
        *sandbox,
        *("-o", f"Dir::State::lists={work / 'lists'}"),
        *("-o", f"Dir::Cache={work / 'cache'}"),
    ]
    _run(["apt-get", *own, "update"], work)
    yield own


def _run(words: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ClientMissing(f"{words[0]} failed: {error}") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = (lines or done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise ClientMissing(f"{words[0]}: {reason.removeprefix('E: ')}")


def _writable(folders: tuple[Path, ...]) -> Path:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise ClientMissing(f"{folders[-1]} cannot be written, so there is no place for the client")
