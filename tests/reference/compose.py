"""``docker compose``: the plug-in of the same Debian release as dockerd 26.1, installed nowhere.

``python -m tests.reference.compose install`` unpacks Debian's package into a cache folder
(once). Needs ``apt-get``, no root beyond what writing there takes.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from pathlib import Path

from tests.images.debian import PackageError, PackageStore

PACKAGE = "docker-compose"
DEFAULT_CACHE = "/var/cache/docker-compose-2"
_PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"


def plugin() -> Path:
    """Where the plug-in is, or will be once it is installed."""
    return Path(os.environ.get("COURSE_COMPOSE_ROOT", DEFAULT_CACHE)) / "docker-compose"


def install() -> Path:
    """Unpacks the plug-in; does nothing where it is there already. Several may call at once.

    :raises PackageError: it cannot be downloaded. :raises OSError: nor written.
    """
    path = plugin()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            store = PackageStore(path.parent / "packages", (PACKAGE,))
            store.download()
            data = store.tree(PACKAGE).entries[_PLUGIN].data
            assert data is not None
            part = path.with_suffix(".part")
            part.write_bytes(data)
            part.chmod(0o755)
            part.rename(path)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reference.compose")
    parser.add_argument("action", choices=["install"])
    parser.parse_args()
    try:
        print(install())
    except (PackageError, OSError) as error:
        print(f"compose: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
