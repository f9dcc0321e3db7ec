"""Scripts for the shell of a container, played in one container per batch.

A file in ``cases/`` is one batch: scripts separated by lines of ``%%``. Each runs by ``sh -c``
in a directory of its own (``/w/NNN``) with the files of `SEED`, and leaves its output, its errors
and its exit code in files that are fetched together: the whole batch costs a few requests.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.contract.harness import Bench, Result

CASES = Path(__file__).parent / "cases"

SEED = r"""
umask 022
mkdir -p /seed/dir && cd /seed
printf 'alpha\nbeta\ngamma\n' > a.txt
printf 'one 1\ntwo 2\nthree 3\nten 10\n' > b.txt
printf '3\n10\n2\n1\n' > num
: > empty
printf 's\n' > 'sp ace'
printf 'echo x $1\n' > dir/x.sh
printf h > dir/.hidden
printf '#!/bin/sh\necho executed $0 $1\n' > exec && chmod 755 exec
ln -s a.txt link
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/sbin/nologin\n' > passwd
printf 'id,name,qty\n1,apple,30\n2,pear,5\n3,fig,120\n' > t.csv
printf 'The quick brown fox\njumps over\n\nthe lazy dog\n' > fox
touch -t 202001020304.05 a.txt b.txt num empty exec passwd t.csv fox 'sp ace' dir/* dir/.hidden dir
touch -h -t 202001020304.05 link
"""
"""What each script finds in its directory; times of 2020, so that listings are the same."""

_PLAY = r"""
mkdir -p /w /result
for script in /scripts/[0-9]*; do
    number=${script##*/}
    cp -a /seed /w/$number && cd /w/$number
    timeout 50 SHELL -c "$(cat $script)" </dev/null >/result/$number.out 2>/result/$number.err
    echo $? >/result/$number.code
    echo $number  # so that nobody thinks the stream is dead
done
"""


def scripts(batch: str) -> list[str]:
    """The scripts of ``cases/<batch>.txt``."""
    text = (CASES / f"{batch}.txt").read_text()
    return [script.strip("\n") for script in re.split(r"(?m)^%%\n", text) if script.strip()]


def play(
    bench: Bench, batch: Sequence[str], image: str = "alpine", shell: str = "sh"
) -> list[Result]:
    """How each script of a batch ends in a fresh container."""
    idle = ["tail", "-f", "/dev/null"]  # no script looks for that, as some do for ``sleep``
    container = bench.run(None, idle, image, host={"Init": True}, Hostname="box")
    files = {f"scripts/{n:03}": script for n, script in enumerate(batch)}
    assert bench.sdk.api.put_archive(container, "/", _packed(files))
    done = bench.sh(container, SEED + _PLAY.replace("SHELL", shell))
    assert done.code == 0, done
    stream, _ = bench.sdk.api.get_archive(container, "/result")
    found = _unpacked(b"".join(stream))
    return [
        Result(int(found[f"{n:03}.code"]), found[f"{n:03}.out"], found[f"{n:03}.err"])
        for n in range(len(batch))
    ]


def _packed(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _unpacked(data: bytes) -> dict[str, str]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            file = tar.extractfile(member)
            if file is not None:
                text = file.read().decode("utf-8", "backslashreplace")
                found[member.name.rpartition("/")[2]] = text
    return found
