"""Trees become the same archive every time, in Debian's merged layout."""

from __future__ import annotations

import io
import tarfile

from tests.images.tree import Tree


def members(tree: Tree) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tree.to_tar())) as archive:
        return {member.name: member for member in archive}


def package(*names: str) -> tarfile.TarFile:
    """A package's archive with files of these names, as ``dpkg-deb --fsys-tarfile`` gives it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.mtime = 1, 0o755, 12345
            archive.addfile(info, io.BytesIO(b"x"))
    return tarfile.open(fileobj=io.BytesIO(buffer.getvalue()))


def test_tar_is_the_same_whatever_the_order() -> None:
    one, two = Tree(), Tree()
    one.file("b", "1")
    one.file("a/c", "2")
    two.file("a/c", "2")
    two.file("b", "1")
    assert one.to_tar() == two.to_tar()


def test_tar_has_parents_modes_and_owners() -> None:
    tree = Tree()
    tree.file("opt/tool", b"#!/bin/sh\n", 0o755)
    tree.directory("data", uid=999)
    tree.link("bin", "usr/bin")
    found = members(tree)
    assert found["opt"].isdir()
    assert found["opt/tool"].mode == 0o755
    assert (found["data"].uid, found["data"].gid) == (999, 999)
    assert found["bin"].linkname == "usr/bin"
    assert {member.mtime for member in found.values()} == {0}


def test_package_files_move_below_usr() -> None:
    tree = Tree()
    with package("./bin/ls", "./usr/bin/env", "./etc/.hidden", "./usr/share/doc/x") as archive:
        tree.add_tar(archive, skip=("usr/share/doc",))
    assert set(tree.entries) == {"usr/bin/ls", "usr/bin/env", "etc/.hidden"}
