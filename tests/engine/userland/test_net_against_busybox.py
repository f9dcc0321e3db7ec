"""Refusals of the network tools, word for word beside the real BusyBox."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.engine.userland.net_world import Node, World

BUSYBOX = shutil.which("busybox")

CASES = """
ping
ping -z a
ping -c
ping -c x a
ping -s 70000 a
ping -c1 300.1.1.1
ping a b
nslookup
nslookup a b c
wget
wget --nosuch x
wget -z x
wget gopher://x
wget -O
ip
ip nosuch
ip -z a
ip link show nosuch
ifconfig nosuch
route -q
route -n extra
arp -q
netstat -q
hostname -x
traceroute
traceroute -m 0 a
traceroute -m x a
telnet
telnet a b c
telnet -z a
arping
arping -c x a
nc
httpd -z
httpd -f -h /nosuch
""".strip().splitlines()


@pytest.fixture(scope="module")
def busybox() -> str:
    if BUSYBOX is None:
        if os.environ.get("CI"):
            pytest.fail("the reference busybox is not installed")
        pytest.skip("busybox is not installed")
    return BUSYBOX


def _first(text: str) -> str:
    """The first line, or that it is the banner of the usage."""
    lines = text.splitlines()
    if not lines:
        return ""
    return "BusyBox" if lines[0].startswith("BusyBox v") else lines[0]


@pytest.mark.parametrize("words", CASES)
async def test_the_same_refusal(words: str, busybox: str, tmp_path: Path) -> None:
    expected = subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
        [busybox, *words.split()], capture_output=True, text=True, timeout=20, check=False,
        stdin=subprocess.DEVNULL, cwd=tmp_path,
    )  # fmt: skip
    box = Node(World(), tmp_path / "box", "busybox")
    code, out, err = await box.run(*words.split())
    assert (code, out, _first(err)) == (
        expected.returncode,
        expected.stdout,
        _first(expected.stderr),
    )
