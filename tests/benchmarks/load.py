"""Requests per second that a web server answers to clients which keep their connections.

``wrk`` where this machine has it; else ``python -m tests.benchmarks.load HOST PORT`` in a process
of its own, which prints the number.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
import time

CONNECTIONS = 32
SECONDS = 4
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)\r\n")


def requests_per_second(host: str, port: int) -> float:
    """Measure a server that serves ``/``."""
    wrk = shutil.which("wrk")
    if wrk is not None:
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", f"http://{host}:{port}/"]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = re.search(r"Requests/sec: *([\d.]+)", out)
        assert found is not None, out
        return float(found[1])
    words = [sys.executable, "-m", "tests.benchmarks.load", host, str(port)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


class _Client(asyncio.Protocol):
    """Asks again as soon as it has its answer."""

    def __init__(self) -> None:
        self.answers = 0
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head + b"\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert length is not None
        if len(body) >= int(length[1]):
            self.answers += 1
            self._data = b""
            self._transport.write(_REQUEST)


async def _measure(host: str, port: int) -> float:
    loop = asyncio.get_running_loop()
    clients = [(await loop.create_connection(_Client, host, port))[1] for _ in range(CONNECTIONS)]
    start, before = time.perf_counter(), sum(client.answers for client in clients)
    await asyncio.sleep(SECONDS)
    return (sum(client.answers for client in clients) - before) / (time.perf_counter() - start)


if __name__ == "__main__":
    print(asyncio.run(_measure(sys.argv[1], int(sys.argv[2]))))
