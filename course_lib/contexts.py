"""The Docker CLI's contexts: which daemon ``docker`` would talk to.

Layout and precedence are those of the CLI (``cli/context/store`` and ``cli/command/cli.go``):
``DOCKER_HOST`` wins over ``DOCKER_CONTEXT``, which wins over ``currentContext``.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from course_lib.errors import EngineUnavailable

DEFAULT_HOST = "unix:///var/run/docker.sock"


def current_context(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment that makes any client talk to the daemon of the current context.

    :returns: ``DOCKER_HOST``, and ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` where the
        context has certificates.
    :raises EngineUnavailable: where the context is named but not there.
    """
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "/") / ".docker")
    name = environ.get("DOCKER_CONTEXT") or _current_name(folder / "config.json")
    if name in ("", "default"):
        return {"DOCKER_HOST": DEFAULT_HOST}
    key = hashlib.sha256(name.encode()).hexdigest()
    try:
        meta = json.loads((folder / "contexts" / "meta" / key / "meta.json").read_text())
        host = meta["Endpoints"]["docker"]["Host"]
        found = {"DOCKER_HOST": str(host)}
    except (OSError, ValueError, KeyError, TypeError):
        raise EngineUnavailable(
            f"the Docker context {name!r} cannot be read", "see `docker context ls`"
        ) from None
    certificates = folder / "contexts" / "tls" / key / "docker"
    if certificates.is_dir():
        verify = not meta["Endpoints"]["docker"].get("SkipTLSVerify")
        found["DOCKER_TLS_VERIFY"] = "1" if verify else ""
        found["DOCKER_CERT_PATH"] = str(certificates)
    return found


def _current_name(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return ""
    name = found.get("currentContext") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""
