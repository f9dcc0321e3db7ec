"""The framing that carries stdout and stderr over one connection (Moby: ``pkg/stdcopy``)."""

from __future__ import annotations

import struct
from typing import Literal

StreamName = Literal["stdin", "stdout", "stderr", "systemerr"]

_NUMBER = {"stdin": 0, "stdout": 1, "stderr": 2, "systemerr": 3}


def frame(stream: StreamName, data: bytes) -> bytes:
    """One frame: stream number, three zero bytes, length in big endian, the data."""
    return struct.pack(">BxxxL", _NUMBER[stream], len(data)) + data
