"""The same scripts run by BusyBox and by the emulated userland say the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.userland.conftest import Box

BUSYBOX = shutil.which("busybox")
CASES = Path(__file__).parent / "cases"
LIMIT = 20.0


def cases(name: str) -> list[str]:
    """Scripts of a file, separated by lines of ``%%``."""
    return [case for case in (CASES / name).read_text().split("\n%%\n") if case.strip()]


def populate(folder: Path) -> None:
    """What the scripts find in their working directory."""
    (folder / "a.txt").write_text("alpha\nbeta\ngamma\n")
    (folder / "b.txt").write_text("one 1\ntwo 2\nthree 3\nten 10\n")
    (folder / "num").write_text("3\n10\n2\n1\n")
    (folder / "empty").write_text("")
    (folder / "sp ace").write_text("s\n")
    (folder / "dir").mkdir()
    (folder / "dir/x.sh").write_text("echo x $1\n")
    (folder / "dir/.hidden").write_text("h")
    (folder / "exec").write_text("echo executed $0 $1\n")
    (folder / "exec").chmod(0o755)
    (folder / "link").symlink_to("a.txt")


@pytest.fixture(scope="module", autouse=True)
def interruptible() -> Iterator[None]:
    """A test run in the background of a script ignores SIGINT, and so would the shell it starts.

    (Here, not in the child: with code to run there the whole test process is forked.)
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def by_busybox(script: str, folder: Path) -> tuple[int, str, str]:
    """Exit code, output and errors of the real thing; its directory is called /root."""
    if BUSYBOX is None:
        message = "needs busybox (Debian: busybox-static)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    work = folder / "root"
    work.mkdir()
    populate(work)
    done = subprocess.run(
        [BUSYBOX, "sh", "-c", script],
        cwd=work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT,
        env={"PATH": "/bin:/usr/bin", "HOME": "/root"},
    )
    out, err = (
        stream.decode(errors="replace").replace(str(work), "/root")
        for stream in (done.stdout, done.stderr)
    )
    return done.returncode, out, err


async def compare(script: str, box: Box, tmp_path: Path) -> None:
    code, out, _ = by_busybox(script, tmp_path)
    populate(box.root / "root")
    ours = await asyncio.wait_for(box.run("sh", "-c", script), LIMIT)
    assert ours[:2] == (code, out), ours[2]


@pytest.mark.parametrize("script", cases("shell.txt"))
async def test_the_shell_says_what_busybox_says(script: str, box: Box, tmp_path: Path) -> None:
    await compare(script, box, tmp_path)


@pytest.mark.parametrize("script", cases("awk.txt"))
async def test_awk_says_what_busybox_says(script: str, box: Box, tmp_path: Path) -> None:
    await compare(script, box, tmp_path)


@pytest.mark.parametrize("script", cases("tools.txt"))
async def test_the_tools_say_what_busybox_says(script: str, box: Box, tmp_path: Path) -> None:
    await compare(script, box, tmp_path)


@pytest.mark.parametrize(
    "script",
    ["foo", "cd /nox", "cat < /nox", "echo > /nox/y", "/etc", "echo ${x?}", "echo ${x?bad}",
     "set -u; echo $x", "readonly x=1; x=2", "if", "fi", 'echo "a', "echo ${x", "echo $((1/0))",
     "echo $((1+))", ". /nox", "read -z", "kill -FOO 1", "exit abc", "trap x FOO", "cat nofile",
     "ls nofile", "rm nofile", "cp nofile x", "mv nofile x", "mkdir dir", "head nofile",
     "tail nofile", "wc nofile", "grep x nofile", "sort nofile", "cut a.txt", "sleep foo",
     "chmod zz a.txt", "test a b c", "[ 1 = 1", "md5sum nofile", "exec foo", "kill 99999"],
)  # fmt: skip
async def test_errors_are_worded_as_busybox_words_them(
    script: str, box: Box, tmp_path: Path
) -> None:
    _, _, expected = by_busybox(script, tmp_path)
    populate(box.root / "root")
    _, _, err = await box.run("sh", "-c", script)
    # BusyBox 1.36 and 1.35 differ in nothing but the banner and the explanations after it.
    assert err.split("BusyBox v")[0] == expected.split("BusyBox v")[0]
