"""Whether a file of an image depends on the network on which it was built.

The steps of the image's history that name the file are run once more, in a container on another
network. A file that nobody's step names (copied from another stage, or from the folder of the
Dockerfile: the image does not tell which) cannot be judged so.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from graders.expectation import ObservationError
from graders.probe import Probe
from graders.probe_files import ContainerFiles, FileView
from graders.storage_view import ImageView

# As both builders write it, with build arguments in front: `RUN |1 A=b /bin/sh -c … # buildkit`.
_RUN = re.compile(r"(?:RUN )?(?:\|\d+ .*?)?/bin/sh -c (?!#\(nop\))(.*?)(?: # buildkit)?", re.DOTALL)


def rebuilt(probe: Probe, image: ImageView, path: str, network: str) -> FileView | None:
    """What the steps that wrote ``path`` write on ``network`` (a mode, as of ``docker run``).

    None where that cannot be seen: no step names the file, it did not write it there, or took
    too long.
    """
    steps = _steps(probe.history(image), posixpath.basename(path))
    if not steps:
        return None
    try:
        with probe.inside_image(image, network) as inside:
            if not all(inside.does(step) for step in (f"rm -f {path}", *steps)):
                return None
            written = ContainerFiles(inside.api, inside.id).read(path)
    except ObservationError:  # it has no sleep, or there is no such network
        return None
    return written if written.is_file else None


def _steps(history: Sequence[str], name: str) -> list[str]:
    """The commands of RUN instructions that name a file, oldest first."""
    matches = [_RUN.fullmatch(created_by) for created_by in reversed(history)]
    return [match[1] for match in matches if match and name in match[1]]
