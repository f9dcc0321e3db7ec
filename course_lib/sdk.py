"""The Docker SDK without what makes its calls over a Unix socket slow, or loses output."""

from __future__ import annotations

import struct
from typing import Any

_FRAME = struct.Struct(">BxxxL")


def hasten(api: Any) -> None:
    """Let an ``APIClient`` of a Unix socket call more quickly."""
    # A fifth of every call: proxies, looked up in the environment for each, and .netrc.
    api.trust_env = False
    # The SDK keeps connections by address: each question that was not asked before makes a new one,
    # which the engine has to accept.
    get = api._custom_adapter.get_connection
    api._custom_adapter.get_connection = lambda _url, proxies=None: get(api.base_url, proxies)


def exec_output(api: Any, instance: str) -> tuple[bytes, bytes]:
    """Output and errors of a process that ``exec_create`` made, once it has ended.

    The SDK's own ``exec_start`` loses them now and then: it wants a connection without HTTP, and
    reads past a buffer that has what came together with the head of the answer. On a busy machine
    dockerd is quick enough for that 2 times of 100. Here the answer is an ordinary one.

    :raises docker.errors.APIError: it cannot be started.
    """
    start = api._url("/exec/{0}/start", instance)
    answer = api._post_json(start, data={"Detach": False, "Tty": False})
    content: bytes = api._result(answer, binary=True)
    written = {1: bytearray(), 2: bytearray()}
    at = 0
    while at < len(content):
        # A frame: which of the two, and how many bytes (Docker's "stream format" of an attach).
        stream, length = _FRAME.unpack_from(content, at)
        at += _FRAME.size + length
        written[stream] += content[at - length : at]
    return bytes(written[1]), bytes(written[2])
