"""Scripts of commands played on both engines, and what they print compared word for word.

A line is a ``docker`` command; one that begins with ``!`` is a line for the shell, in which
``docker`` means the engine under test. ``@`` stands for the test's own prefix, ``%`` for a
directory of the machine that belongs to the script's run on that engine alone, and is the shell's
own. What differs by nature (IDs, addresses, times, where volumes lie) is taken out before
comparing.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.harness import Bench, Result
from tests.contract.pairs import Pair, normal


def same(pair: Pair, script: str) -> None:
    """Play a script on dockerd and on the embedded engine, and compare line by line."""
    theirs, ours = pair.on_both(lambda bench: play(bench, script))
    wrong = [
        f"{line}\n  dockerd:  {its}\n  embedded: {mine}"
        for (line, mine), (_, its) in zip(ours, theirs, strict=True)
        if mine != its
    ]
    assert not wrong, "\n".join(wrong)


def play(bench: Bench, script: str) -> list[tuple[str, Result]]:
    """What each line of a script gives on one engine."""
    lines = [line.strip() for line in script.replace("\\\n", "").strip().splitlines()]
    with tempfile.TemporaryDirectory(prefix="ct-side-") as folder, _cleaned(bench):
        os.chmod(folder, 0o755)
        played = []
        for line in lines:
            text = line.replace("@", bench.prefix).replace("%", folder)
            if text.startswith("!"):
                result = _shell(bench, text[1:], folder)
            else:
                result = bench.cli(*shlex.split(text))
            played.append((line, _plain(result, folder)))
        return played


def _shell(bench: Bench, text: str, folder: str) -> Result:
    done = subprocess.run(
        ["sh", "-c", text],
        cwd=folder,
        env={**os.environ, "DOCKER_HOST": bench.engine.docker_host},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def _plain(result: Result, folder: str) -> Result:
    result = normal(result)
    return Result(result.code, *(_places(text, folder) for text in (result.out, result.err)))


def _places(text: str, folder: str) -> str:
    text = re.sub(r"/[^\s:'\"]*?/volumes/(?=\S)", "VOLUMES/", text.replace(folder, "FOLDER"))
    # Of the files that ls shows: when they were made, and what a directory takes on the host.
    text = re.sub(r"\b[A-Z][a-z]{2} +\d+ (\d\d:\d\d|\d{4})\b", "DATE", text)
    # The client says this when it loses the race against its own helper.
    return re.sub(r'time="TIME" level=error msg="Can\'t (add|close) .*\n', "", text)


@contextmanager
def _cleaned(bench: Bench) -> Iterator[None]:
    """Take away what a script leaves under the test's prefix."""
    try:
        yield
    finally:
        filters = {"name": [bench.prefix]}
        params = {"all": "1", "filters": filters}
        for row in bench.raw.get("/containers/json", params=params).json():
            bench.adopt(row["Id"])
        for row in bench.raw.get("/volumes", params={"filters": filters}).json()["Volumes"]:
            bench.adopt_volume(row["Name"])
        for row in bench.raw.get("/networks", params={"filters": filters}).json():
            bench.adopt_network(row["Id"])
