"""Compressed archives, inflated piece by piece, within limits.

dockerd unpacks whatever it is sent; here an archive that grows without end (a bomb) is refused
before it fills the disk.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import IO, cast

from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.fs.zstd import refuse_zstd

LIMIT = 16 << 30
"""Bytes that one archive may have when it is inflated."""

_RATIO = 400
"""How many times its size an archive may grow; text grows 10 to 50 times, zeros 1000 times."""

_FREE = 64 << 20
"""Bytes that any archive may have, whatever the ratio."""

_PIECE = 1 << 20
_MEMORY = 1 << 20


async def inflated(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The archive without its compression (gzip, bzip2, xz), or as it is.

    :raises EngineError: it is cut short or broken (with Go's words), or grows too much.
    """
    import asyncio
    import tempfile

    with tempfile.SpooledTemporaryFile(max_size=_MEMORY) as spool:
        size = 0
        async for data in chunks:
            spool.write(data)
            size += len(data)
        spool.seek(0)
        reader = _reader(cast(IO[bytes], spool))
        made = 0
        while True:
            try:
                piece = reader.read(_PIECE)
            except EOFError:
                raise EngineError("unexpected EOF") from None
            except (OSError, zlib.error, lzma.LZMAError) as error:
                raise EngineError(f"invalid compressed data: {error}") from None
            if not piece:
                return
            made += len(piece)
            if made > LIMIT or (made > _FREE and made > size * _RATIO):
                raise InvalidParameter(
                    f"the archive is refused by the embedded engine: its {size} bytes grow to "
                    f"more than {made}"
                )
            yield piece
            await asyncio.sleep(0)


def _reader(spool: IO[bytes]) -> IO[bytes]:
    head = spool.read(6)
    spool.seek(0)
    if head.startswith(b"\x1f\x8b\x08"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=spool, mode="rb"))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(spool))
    if head.startswith(b"\xfd7zXZ\x00"):
        return cast(IO[bytes], lzma.LZMAFile(spool))
    refuse_zstd(head)
    return spool
