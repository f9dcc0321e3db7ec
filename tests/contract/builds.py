"""What tests of builds share: contexts, builds by raw HTTP and by the command, and tidying up.

Several test processes may build on one dockerd at a time. So builds do without the cache unless
they ask for it, and those that ask begin with a label of the test's own.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.harness import Bench, Result
from tests.contract.rawhttp import Response

Files = Mapping[str, str | bytes]
TAR = {"Content-Type": "application/x-tar"}


def tar(files: Files) -> bytes:
    """A tar archive of some files."""
    return tar_of(*(_member(name, content) for name, content in files.items()))


def _member(name: str, content: str | bytes) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    return info, content.encode() if isinstance(content, str) else content


def tar_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """A tar archive of these members; sizes are filled in."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def untar(data: bytes) -> dict[str, bytes | None]:
    """The files of an archive by name; ``None`` for what is no regular file."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found: dict[str, bytes | None] = {}
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            found[member.name.rstrip("/")] = file.read() if file else None
        return found


@dataclass(frozen=True)
class Built:
    """How a build went.

    :param text: all that was said, with the error at the end; ``image`` is empty where it failed.
    """

    status: int
    text: str
    image: str
    code: int | None


def build(bench: Bench, dockerfile: str, files: Files | None = None, **params: Any) -> Built:
    """Builds by raw HTTP; what it made goes when the test ends.

    :param params: the query of ``POST /build``; ``nocache`` is on unless told otherwise.
    """
    body = tar({"Dockerfile": dockerfile, **(files or {})})
    params.setdefault("nocache", "1")
    return finish(bench, post(bench, body, **params))


def post(bench: Bench, body: bytes, **params: Any) -> Response:
    """``POST /build``; a parameter that is a tuple is given several times."""
    return bench.raw.post("/build", body, params=params, headers=TAR, timeout=60)


def lines(response: Response) -> list[dict[str, Any]]:
    """The JSON lines of an answer."""
    return [json.loads(line) for line in response.body.splitlines() if line.strip()]


def finish(bench: Bench, answer: Response) -> Built:
    """Reads a build's answer and has removed later what it left."""
    if answer.status != 200:
        return Built(answer.status, answer.message, "", None)
    said = lines(answer)
    text = "".join(line.get("stream", "") for line in said)
    image = next((line["aux"]["ID"] for line in reversed(said) if "aux" in line), "")
    code = None
    if "error" in said[-1]:
        assert said[-1]["errorDetail"]["message"] == said[-1]["error"]
        text += f"ERROR {said[-1]['error']}"
        code = said[-1]["errorDetail"].get("code")
        image = ""
    adopt_leftovers(bench, text)
    if image and " ---> \n" in text:  # from scratch: all of it is the test's own
        bench.adopt_image(image)
    return Built(200, text, image, code)


def adopt_leftovers(bench: Bench, text: str) -> None:
    """Has removed what the output of a build names: images of its steps, containers that stay."""
    word = "FROM"
    for line in text.splitlines():
        if step := re.match(r"Step \d+/\d+ : (\w+)", line):
            word = step[1].upper()
        elif (image := re.fullmatch(r" ---> ([0-9a-f]{12})", line)) and word != "FROM":
            bench.adopt_image(image[1])
    made = set(re.findall(r"^ ---> Running in ([0-9a-f]{12})$", text, re.M))
    gone = set(re.findall(r"^ ---> Removed intermediate container (.*)$", text, re.M))
    for container in made - gone:
        bench.adopt(container)


def cli_build(bench: Bench, dockerfile: str, *words: str, files: Files | None = None) -> Result:
    """``docker build`` of a folder, by the classic builder."""
    with tempfile.TemporaryDirectory(prefix="ct-") as folder:
        for name, content in {"Dockerfile": dockerfile, **(files or {})}.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        result = bench.cli("build", *words, folder, env={"DOCKER_BUILDKIT": "0"})
    adopt_leftovers(bench, result.out)
    return result
