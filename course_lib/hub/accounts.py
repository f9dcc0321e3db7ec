"""The people of a class as Unix users of this machine, and their homes."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

from course_lib.errors import CourseError, UsageError
from course_lib.hub.extensions import SHELL
from course_lib.hub.folder import Hub


def check(hub: Hub, names: Iterable[str]) -> None:
    """:raises UsageError: where a name is that of an account that is not this class's own."""
    for name in names:
        account = _account(name)
        if account is not None and Path(account.pw_dir) != hub.home(name):
            raise UsageError(
                f"there is a user {name} on this machine already (at home in {account.pw_dir})",
                "give that person another name in the class",
            )


def make(hub: Hub, names: Iterable[str], announce: Callable[[str], None]) -> None:
    """Make the accounts that are missing, without password: nobody logs in to the machine.

    :raises CourseError: where ``useradd`` fails, with what it says.
    """
    names = list(names)
    missing = [name for name in names if _account(name) is None]
    for number, name in enumerate(missing, 1):
        announce(f"user {number} of {len(missing)}: {name}")
        words = ["--user-group", "--no-create-home", "--shell", SHELL]
        words += [
            "--home-dir",
            str(hub.home(name)),
            "--comment",
            f"{hub.klass.course} (course hub)",
        ]
        done = subprocess.run(
            ["useradd", *words, name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CourseError(f"no user {name} can be made: {done.stderr.strip()}")
    for name in names:
        _make_home(hub.home(name), name)


def limit_disk(hub: Hub, names: Iterable[str]) -> bool:
    """Set the quota of these people's files; whether they are limited by it."""
    if shutil.which("setquota") is None:
        return False
    where = subprocess.run(
        ["df", "--output=target", str(hub.homes)], capture_output=True, text=True, check=False
    ).stdout.splitlines()[-1:]
    if not _has_quotas(where):
        return False
    blocks = str(hub.klass.disk_mb * 1024)
    for name in names:
        done = subprocess.run(
            ["setquota", "-u", name, "0", blocks, "0", "0", *where],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            return False
    return True


def _has_quotas(where: list[str]) -> bool:
    """Whether the kernel counts: ``setquota`` succeeds where only a file of quotas is there."""
    said = subprocess.run(
        ["quotaon", "--user", "--print-state", *where],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    return " is on" in said.stdout


def _make_home(home: Path, name: str) -> None:
    account = pwd.getpwnam(name)
    # Nobody but root writes beside the homes, so what is there is no link of a student's.
    if home.is_dir() and not home.is_symlink() and home.stat().st_uid == account.pw_uid:
        home.chmod(0o700)
        return
    home.mkdir(mode=0o700, exist_ok=True)
    if SKELETON.is_dir():
        shutil.copytree(SKELETON, home, dirs_exist_ok=True, symlinks=True)
    for path in (home, *home.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    home.chmod(0o700)


SKELETON = Path("/etc/skel")
"""What this machine gives to new users: a prompt, above all."""


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
