"""Options of a tmpfs that dockerd cannot be asked about by ``docker run --tmpfs`` alone."""

from __future__ import annotations

import errno
import os

import pytest

from course_lib.engine.fs.tmpfs import PAGE, host_memory
from course_lib.engine.fs.tmpfsoptions import TmpfsOptions


def test_a_size_may_be_a_share_of_the_memory() -> None:
    size = TmpfsOptions.read({"size": "50%"}).size
    assert size is not None
    assert size % PAGE == 0
    assert 0 <= size - host_memory() // 2 < PAGE


@pytest.mark.parametrize(
    ("name", "text"),
    [("size", "1kk"), ("size", "%"), ("size", "1k%"), ("size", "-1"), ("size", "٣"), ("uid", "1k"),
     ("mode", "8"), ("gid", "4294967295"), ("bad", "1"), ("nr_inodes", "")],
)  # fmt: skip
def test_values_that_the_kernel_does_not_take(name: str, text: str) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        TmpfsOptions.read({name: text})
