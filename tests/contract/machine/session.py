"""A shell that stays open in a container: one ``exec``, then as many scripts as one likes."""

from __future__ import annotations

import json

from tests.contract.rawhttp import API, RawClient, open_socket

_END = b"@@end "
_WAIT = 30.0


class SessionError(AssertionError):
    """The shell could not be had, or went away in the middle of a script."""


class Session:
    """``sh`` in a running container, fed by a hijacked stream.

    :param ready: a shell condition to wait for before the first script.
    """

    def __init__(self, raw: RawClient, container: str, ready: str = "true") -> None:
        words = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Cmd": ["sh"]}
        made = raw.post(f"/containers/{container}/exec", words)
        if made.status != 201:
            raise SessionError(f"no session: {made.status} {made.body!r}")
        self._stream = open_socket(raw.path, _WAIT)
        self._data = b""
        body = json.dumps({"Detach": False, "Tty": False})
        self._stream.sendall(
            f"POST /{API}/exec/{made.json()['Id']}/start HTTP/1.1\r\nHost: docker\r\n"
            "Upgrade: tcp\r\nConnection: Upgrade\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = self._upto(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise SessionError(f"no session: {head!r}")
        self.run(f"until {ready}; do usleep 10000; done")

    def run(self, script: str) -> tuple[int, str]:
        """Runs a script in a subshell; its exit code, and both its outputs in one."""
        text = f"( {script}\n) 2>&1 </dev/null; echo; echo '@@'end $?\n"
        self._stream.sendall(text.encode())
        output = b""
        while _END not in output or not output.endswith(b"\n"):
            output += self._frame()
        found, _, code = output.rpartition(_END)
        return int(code), found.decode("utf-8", "replace").removesuffix("\n")

    def close(self) -> None:
        """Hangs up, which ends the shell."""
        self._stream.close()

    def _frame(self) -> bytes:
        head = self._exactly(8)
        return self._exactly(int.from_bytes(head[4:], "big"))

    def _exactly(self, size: int) -> bytes:
        while len(self._data) < size:
            self._fill()
        piece, self._data = self._data[:size], self._data[size:]
        return piece

    def _upto(self, mark: bytes) -> bytes:
        while mark not in self._data:
            self._fill()
        found, _, self._data = self._data.partition(mark)
        return found

    def _fill(self) -> None:
        try:
            piece = self._stream.recv(65536)
        except TimeoutError:
            raise SessionError(f"no answer within {_WAIT:.0f} s; so far {self._data!r}") from None
        if not piece:
            raise SessionError(f"the session ended; so far {self._data!r}")
        self._data += piece
