"""What has to be so before a hub starts; each thing that is not is said with what mends it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from course_lib.errors import CourseError, PortInUse, UsageError
from course_lib.hub.folder import CLASS_FILE, Hub

PROXY = "configurable-http-proxy"
TOOLS = ("nsenter", "unshare", "setpriv", "prlimit", "flock", "useradd")
"""Of the packages util-linux and passwd, which every Debian and Fedora has."""

FOLDER_SECONDS = 60.0
"""A busy machine takes its time; a file server that is gone has all of it."""
FREED_SECONDS = 10.0
"""A hub that was killed a moment ago may need this long until its proxy has ended as well."""

PRIVATE = ("/tmp", "/var/tmp", "/dev/shm")
"""Folders of which each person has their own (``enter.sh``), and so sees nothing of ours in."""
NOBODY = 65534


def check_machine(environ: Mapping[str, str] = os.environ) -> None:
    """Whether this machine can keep people apart.

    :raises CourseError: it cannot, and why.
    """
    if sys.platform != "linux":
        raise CourseError("a hub keeps people apart by Linux namespaces", "use a Linux server")
    if os.geteuid() != 0:
        raise CourseError(
            "a hub needs root: every student gets a Unix user and a network of their own",
            "sudo course hub run …",
        )
    missing = [
        module for module in ("jupyterhub", "jupyterhub_idle_culler") if not find_spec(module)
    ]
    if missing:
        raise CourseError(
            f"{missing[0].replace('_', '-')} is not installed here",
            "pip install 'docker-networking-volumes-course[hub]'",
        )
    for tool in TOOLS:
        if shutil.which(tool, path=environ.get("PATH")) is None:
            raise CourseError(f"there is no command {tool}", "apt-get install util-linux passwd")
    proxy = shutil.which(PROXY, path=environ.get("PATH"))
    if proxy is None or _fails([proxy, "--version"]):
        what = "is not installed" if proxy is None else "does not run"
        raise CourseError(
            f"JupyterHub's proxy {what}",
            f"apt-get install nodejs npm && npm install -g {PROXY}@5.1",
        )
    words = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "--mount-proc", "true"]
    if _fails(words):
        raise CourseError(
            "this machine allows no namespaces, which would keep students apart",
            "use a (virtual) machine, or a privileged container",
        )
    check_python()


def check_python(program: str = sys.executable) -> None:
    """Whether students can start a Python and find the course with it.

    :raises CourseError: they cannot.
    """
    if _fails(_by(NOBODY, program, "-c", "import course_lib.hub.listening")):
        raise CourseError(
            f"students could not start {program}, which is {os.path.realpath(program)}",
            "make the environment of a Python that everybody can read, where everybody can read it:"
            " /usr/bin/python3 -m venv /opt/docker-course",
        )


def check_folder(hub: Hub) -> None:
    """Whether the class's folder is there, root's alone, and answers.

    :raises CourseError: it is not.
    """
    try:
        found = os.stat(hub.folder)
    except OSError as error:
        raise CourseError(f"{hub.folder} cannot be read: {error.strerror}") from None
    if found.st_uid != 0 or stat.S_IMODE(found.st_mode) & 0o022:
        raise CourseError(
            f"somebody other than root may change {hub.folder}, whose settings root runs",
            f"chown root {hub.folder} && chmod 755 {hub.folder}",
        )
    _check_reachable(hub.folder)
    for folder in (hub.folder, hub.homes, hub.exchange):
        if folder.exists() or folder.is_symlink():
            check_answers(folder, user=NOBODY if folder == hub.exchange else None)
    check_secret(hub.state / "cookie_secret", os.environ.get("JPY_COOKIE_SECRET"))


def _check_reachable(folder: Path) -> None:
    for parent in [folder, *folder.parents]:
        only_root = not os.stat(parent).st_mode & 0o001
        if only_root or str(parent) in PRIVATE:
            what = "only its owner can enter" if only_root else "everybody has their own"
            raise UsageError(
                f"{what} {parent}, so no student would see {folder}",
                f"use another place: mv {folder} /srv/{folder.name}",
            )


_PROBE = """
import os, sys, tempfile
try:
    tempfile.NamedTemporaryFile(dir=sys.argv[1]).close()
except OSError as error:
    sys.exit(os.strerror(error.errno))
"""


def check_answers(
    folder: Path,
    user: int | None = None,
    seconds: float = FOLDER_SECONDS,
    probe: str = _PROBE,
) -> None:
    """Whether a file can be made in a folder, in time: a file server that is gone does not answer.

    :param user: who tries it; None for this process's.
    :raises CourseError: it cannot.
    """
    process = subprocess.Popen(
        _by(user, sys.executable, "-I", "-c", probe, str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _, reason = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # It may not even end: who waits for a dead file server cannot be killed.
            process.communicate(timeout=1)
        raise CourseError(
            f"{folder} does not answer: is it on a file server that is gone?",
            f"mount it again, or see `mount | grep {folder}`",
        ) from None
    if process.returncode:
        who = "students cannot write" if user is not None else "nobody can write"
        mend = f"chmod 1777 {folder}" if user is not None else f"see `mount` and `df {folder}`"
        raise CourseError(f"{who} into {folder}: {reason.strip()}", mend)


def check_ports(hub: Hub, seconds: float = FREED_SECONDS) -> None:
    """:raises PortInUse: where a port of the class is taken, and stays so for a moment."""
    deadline = time.monotonic() + seconds
    for name in ("port", "hub_port", "proxy_port", "grader_port"):
        port = getattr(hub.klass, name)
        host = hub.klass.address if name == "port" else "127.0.0.1"
        while (problem := _port_problem(host, port)) and time.monotonic() < deadline:
            time.sleep(0.1)
        if problem:
            raise PortInUse(
                f"{host}:{port} cannot be used: {problem}",
                f"set another {name} in {hub.folder / CLASS_FILE}",
            )


def _port_problem(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return str(error.strerror or error)
    return ""


def hold(hub: Hub) -> IO[str]:
    """Be the only hub of this folder for as long as the file that is returned is open.

    :raises CourseError: another one runs.
    """
    hub.state.mkdir(mode=0o700, exist_ok=True)
    file = (hub.state / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CourseError(f"the hub of {hub.folder} runs already") from None
    return file


def check_secret(path: Path, variable: str | None) -> None:
    """Whether the key of the log-in cookies is one, where there is one.

    :param variable: ``JPY_COOKIE_SECRET``, which JupyterHub prefers to the file.
    :raises CourseError: it is not.
    """
    if variable is not None and not re.fullmatch(r"([0-9a-fA-F]{2}){16,}", variable):
        raise UsageError("JPY_COOKIE_SECRET is no secret of JupyterHub", "unset JPY_COOKIE_SECRET")
    with contextlib.suppress(FileNotFoundError):
        mend = f"rm {path} (everybody logs in again)"
        try:
            text = path.read_text(encoding="ascii").strip()
        except UnicodeDecodeError:
            text = ""
        if not re.fullmatch(r"([0-9a-fA-F]{2}){16,}", text):
            raise CourseError(f"{path} is no secret of JupyterHub", mend)
        if path.stat().st_mode & 0o077:
            raise CourseError(f"others than root may read {path}", mend)


def _by(user: int | None, *words: str) -> list[str]:
    """A command as that user runs it, who is in no group."""
    if user is None:
        return list(words)
    # (By a shell: setpriv still has root's privileges when it looks for a program.)
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    return [*drop, "/bin/sh", "-c", 'exec "$@"', "sh", *words]


def _fails(words: list[str]) -> bool:
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return True
    return bool(done.returncode)
