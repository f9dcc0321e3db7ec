"""apk and the packages of the lessons."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.engine.userland import applets
from course_lib.engine.userland.applets.net_apk import PACKAGES
from tests.engine.userland.net_world import Node, World


@pytest.fixture
async def box(tmp_path: Path) -> Node:
    return Node(World(), tmp_path / "box")


def test_every_program_of_a_package_is_there() -> None:
    for package in PACKAGES.values():
        assert all(need in PACKAGES for need in package.needs)
        for program in package.programs.values():
            assert applets.find(program) is not None, program


async def test_add_and_remove(box: Node) -> None:
    with pytest.raises(FileNotFoundError):
        await box.run("drill", "es")
    code, out, err = await box.run("apk", "add", "--no-cache", "drill")
    assert (code, err) == (0, "")
    assert out == (
        "(1/2) Installing ldns (1.8.3-r3)\n(2/2) Installing drill (1.8.3-r3)\n"
        "OK: 8 MiB in 16 packages\n"
    )
    assert (await box.run("drill", "-Q", "box"))[1] == "172.18.0.3\n"
    assert "drill\n" in (await box.run("apk", "info"))[1]
    assert (await box.run("apk", "add", "drill"))[1] == "OK: 8 MiB in 16 packages\n"
    _, out, _ = await box.run("apk", "del", "drill")
    assert out == (
        "(1/2) Purging drill (1.8.3-r3)\n(2/2) Purging ldns (1.8.3-r3)\nOK: 7 MiB in 14 packages\n"
    )
    with pytest.raises(FileNotFoundError):
        await box.run("drill", "es")


async def test_an_unknown_package(box: Node) -> None:
    code, out, err = await box.run("apk", "add", "drill", "nosuch", "other")
    assert (code, out) == (2, "")
    assert err == (
        "ERROR: unable to select packages:\n"
        "  nosuch (no such package):\n    required by: world[nosuch]\n"
        "  other (no such package):\n    required by: world[other]\n"
    )
    assert not box.fs.access("/usr/bin/drill", 0)


async def test_other_words(box: Node) -> None:
    assert (await box.run("apk", "update"))[1] == "OK: 7 MiB in 14 packages\n"
    assert "curl-8" in (await box.run("apk", "search", "curl"))[1]
    assert (await box.run("apk"))[0] == 1
    assert (await box.run("apk", "--version"))[1].startswith("apk-tools 2.14")
    code, _, err = await box.run("apk", "frobnicate")
    assert (code, err) == (1, "apk: 'frobnicate' is not an apk command. See 'apk --help'.\n")
    code, _, err = await box.run("apk", "add", "--virtual", "x", "curl")
    assert code == 1
    assert "not supported by the embedded engine" in err


async def test_only_root_may(box: Node) -> None:
    from course_lib.engine.interfaces import ProcessSpec
    from course_lib.engine.userland.files import MemoryFile, NullFile

    err = MemoryFile()
    process = await box.machine.start(
        ProcessSpec(("apk", "add", "drill"), ("PATH=/sbin",), user="nobody"),
        NullFile(), NullFile(), err,
    )  # fmt: skip
    assert await process.wait() == 99
    assert err.content.startswith(b"ERROR: Unable to lock database: Permission denied\n")
