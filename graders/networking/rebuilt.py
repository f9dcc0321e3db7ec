"""Whether a file of an image depends on the network on which it was built.

What the student's own RUN instructions did, as the image's history tells it, is done once more in a
container on another network. It tells nothing where something else was copied into the image (what
writes the file may then have run in another stage, or not at all), or where one of them fails now.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import takewhile

from graders.expectation import ObservationError
from graders.probe import Probe
from graders.probe_files import ContainerFiles, FileView
from graders.storage_view import ImageView, LayerView

_INSTRUCTION = re.compile(r"[A-Z]+ ")
_COPIED = re.compile(r"(?:\S+ (?:-\S+ |pipefail )*#\(nop\) +)?(?:COPY|ADD) ")
_ARGUMENTS = re.compile(r"\|(\d+) ")
_SHELL = re.compile(r"(?:/\S*/)?(?:sh|ash|bash|dash) (?:-o \w+ |-\w+ )*?-\w*c ")


def rebuilt(probe: Probe, image: ImageView, path: str, network: str) -> FileView | None:
    """What the steps of the image that write ``path`` write on ``network`` (as of ``docker run``).

    None where that cannot be seen: none of them wrote it there, or one failed or took too long.
    """
    own = _own(probe, image)
    steps = [script for layer in reversed(own) if (script := _script(layer.created_by))]
    if not steps or any(_COPIED.match(layer.created_by) for layer in own):
        return None
    try:
        with probe.inside_image(image, network) as inside:
            if not all(inside.does(step) for step in (f"rm -f {path}", *steps)):
                return None
            written = ContainerFiles(inside.api, inside.id).read(path)
    except ObservationError:  # it has no sleep, or there is no such network
        return None
    return written if written.is_file else None


def _own(probe: Probe, image: ImageView) -> Sequence[LayerView]:
    """What was added to the image that the Dockerfile begins with, the latest first.

    That one is told by its tag; where the engine has lost track of its layers (a pulled image has
    them not, nor has what BuildKit made), by what the course's images consist of.
    """
    layers = probe.history(image)
    known = {(layer.created, layer.created_by) for layer in probe.layers_of_the_course()}
    return [
        *layers[:1],
        *takewhile(
            lambda layer: not layer.tags and (layer.created, layer.created_by) not in known,
            layers[1:],
        ),
    ]


def _script(created_by: str) -> str:
    """The command of a RUN instruction for a shell; empty for another instruction.

    As the builders write it, with the values of build arguments in front:
    ``|1 A=b /bin/sh -c …``, ``RUN |1 A=b /bin/sh -c … # buildkit``; the words alone where the
    instruction named a program and its arguments.
    """
    command = created_by.removeprefix("RUN ").removesuffix(" # buildkit")
    arguments: Mapping[str, str] = {}
    if counted := _ARGUMENTS.match(command):
        *words, command = command[counted.end() :].split(" ", int(counted[1]))
        arguments = dict(word.split("=", 1) for word in words if "=" in word)
    if "#(nop)" in command or (command == created_by and _INSTRUCTION.match(command)):
        return ""
    exports = "".join(f"export {name}={shlex.quote(arguments[name])}; " for name in arguments)
    return exports + _SHELL.sub("", command, count=1) if command else ""
