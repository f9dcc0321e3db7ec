"""The output of builds, ``docker load`` and ``docker import`` as JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.engine.api.format.images import progress
from course_lib.engine.api.messages import encode

if TYPE_CHECKING:
    from course_lib.engine.builder.options import Said
    from course_lib.engine.image.load import Loading
    from course_lib.engine.image.pull import PullProgress


def _line(value: Any) -> bytes:
    line = encode(value)[:-1] + b"\r\n"
    # As Go's encoder, which has web pages in mind.
    return line.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def text(words: str) -> bytes:
    """Text for the user's terminal."""
    return _line({"stream": words})


def piece(said: Said | PullProgress, *, aux: bool) -> bytes:
    """One piece of a build's output.

    :param aux: whether the client understands the IDs of finished images.
    """
    kind = getattr(said, "kind", "")
    if not kind:
        return progress(said)  # type: ignore[arg-type]
    if kind == "image":
        return _line({"aux": {"ID": said.text}}) if aux else b""  # type: ignore[union-attr]
    return text(said.text)  # type: ignore[union-attr]


def failure(error: Exception) -> bytes:
    """The last word of a build that failed."""
    detail: dict[str, Any] = {}
    code = getattr(error, "code", 0)
    if code:
        detail["code"] = code
    detail["message"] = str(error)
    return _line({"errorDetail": detail, "error": str(error)})


def loading(item: Loading) -> bytes:
    """How far ``docker load`` is with a layer."""
    from course_lib.engine.image.pull import bar

    short = item.layer.removeprefix("sha256:")[:12]
    return _line(
        {
            "status": "Loading layer",
            "progressDetail": {"current": item.current, "total": item.total},
            "progress": bar(item.current, item.total),
            "id": short,
        }
    )
