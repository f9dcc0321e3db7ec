"""Containers of catalogue images on a network that is only a dictionary.

The programs, their files and their processes are the real ones; only the network between them is
a stand-in, so that what is tested here does not depend on it.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from course_lib.engine.clock import Clock, SystemClock
from course_lib.engine.fs import ContainerFs, RootFs
from course_lib.engine.fs.memory import MemoryLayer
from course_lib.engine.ids import Identities
from course_lib.engine.image.recipe import build_layer, read_recipe
from course_lib.engine.interfaces import (
    DnsAnswer,
    DnsRecord,
    EchoReply,
    Environment,
    Interface,
    InterfaceAddress,
    Listener,
    Neighbour,
    OpenFile,
    Process,
    ProcessSpec,
    Route,
    SocketEntry,
    StreamSocket,
)
from course_lib.engine.userland import applets
from course_lib.engine.userland.files import MemoryFile, NullFile
from course_lib.engine.userland.machine import ContainerMachine
from course_lib.engine.userland.pipe import pipe

CATALOGUE = Path(__file__).resolve().parents[3] / "course_lib/engine/image/catalogue"
Address = tuple[str, int]


def refuse(code: int) -> OSError:
    return OSError(code, os.strerror(code))


class FakeStream:
    """One end of a connection."""

    def __init__(self, local: Address, peer: Address, inward: OpenFile, outward: OpenFile) -> None:
        self.local, self.peer = local, peer
        self._in, self._out = inward, outward

    async def read(self, size: int = 65536, /) -> bytes:
        return await self._in.read(size)

    async def write(self, data: bytes, /) -> None:
        await self._out.write(data)

    def shutdown_write(self) -> None:
        self._out.close()

    def close(self) -> None:
        self._out.close()
        self._in.close()

    abort = close


def connected(client: Address, server: Address) -> tuple[FakeStream, FakeStream]:
    read_up, write_up = pipe()
    read_down, write_down = pipe()
    return (
        FakeStream(client, server, read_down, write_up),
        FakeStream(server, client, read_up, write_down),
    )


class FakeListener:
    def __init__(self, local: Address, owner: int) -> None:
        self.local = local
        self.owner = owner
        self.closed = False
        self._waiting: asyncio.Queue[StreamSocket | None] = asyncio.Queue()

    def offer(self, stream: StreamSocket) -> None:
        self._waiting.put_nowait(stream)

    async def accept(self) -> StreamSocket:
        stream = None if self.closed else await self._waiting.get()
        if stream is None:
            raise refuse(errno.EBADF)
        return stream

    def close(self) -> None:
        self.closed = True
        self._waiting.put_nowait(None)


class FakeDatagram:
    def __init__(self, world: World, local: Address) -> None:
        self.world, self.local = world, local
        self._waiting: asyncio.Queue[tuple[bytes, Address]] = asyncio.Queue()

    async def receive(self) -> tuple[bytes, Address]:
        return await self._waiting.get()

    async def send(self, data: bytes, address: Address) -> None:
        target = self.world.datagrams.get(address)
        if target is not None:
            target._waiting.put_nowait((data, self.local))

    def close(self) -> None:
        self.world.datagrams.pop(self.local, None)


@dataclass
class World:
    """Who has which address, which name, and what is open where.

    :ivar silent: addresses from which nothing ever comes back.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    pointers: dict[str, str] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    listeners: dict[Address, FakeListener] = field(default_factory=dict)
    datagrams: dict[Address, FakeDatagram] = field(default_factory=dict)
    dead_dns: bool = False


class FakeSandbox:
    """One container's end of a :class:`World`: lo and eth0 on 172.18.0.0/16."""

    def __init__(self, world: World, address: str) -> None:
        self.world = world
        self.address = address
        self.id = self.key = "sandbox"
        self._port = 40000
        world.addresses.add(address)

    def interfaces(self) -> Sequence[Interface]:
        last = int(self.address.rsplit(".", 1)[1])
        lo = Interface(
            1, "lo", "loopback", "00:00:00:00:00:00", 65536,
            (InterfaceAddress("127.0.0.1", 8, None, "host"),),
        )  # fmt: skip
        eth0 = Interface(
            18, "eth0", "veth", f"02:42:ac:12:00:{last:02x}", 1500,
            (InterfaceAddress(self.address, 16, "172.18.255.255"),), peer_index=19,
            rx_bytes=8281, rx_packets=73, tx_bytes=629, tx_packets=5,
        )  # fmt: skip
        return (lo, eth0)

    def routes(self) -> Sequence[Route]:
        return (
            Route("0.0.0.0/0", "172.18.0.1", "eth0"),
            Route("172.18.0.0/16", None, "eth0", self.address),
        )

    def neighbours(self) -> Sequence[Neighbour]:
        return (Neighbour("172.18.0.2", "02:42:ac:12:00:02", "eth0"),)

    def sockets(self) -> Sequence[SocketEntry]:
        return [
            SocketEntry("tcp", listener.local, None, "LISTEN", listener.owner)
            for (host, _), listener in self.world.listeners.items()
            if host == self.address and not listener.closed
        ]

    async def connect(
        self, address: str, port: int, *, source: str | None = None, owner: int = 0
    ) -> StreamSocket:
        await asyncio.sleep(0)
        address = self.address if address.startswith("127.") else address
        if address in self.world.silent:
            await asyncio.get_running_loop().create_future()
        if address not in self.world.addresses:
            raise refuse(errno.EHOSTUNREACH if address.startswith("172.18.") else errno.ENETUNREACH)
        listener = self.world.listeners.get((address, port))
        if listener is None or listener.closed:
            raise refuse(errno.ECONNREFUSED)
        self._port += 1
        mine, theirs = connected((self.address, self._port), (address, port))
        listener.offer(theirs)
        return mine

    def listen(self, address: str, port: int, *, owner: int = 0) -> Listener:
        if ":" in address:
            raise refuse(errno.EAFNOSUPPORT)
        taken = self.world.listeners.get((self.address, port))
        if taken is not None and not taken.closed:
            raise refuse(errno.EADDRINUSE)
        listener = FakeListener((address, port), owner)
        self.world.listeners[self.address, port] = listener
        return listener

    def bind_udp(self, address: str, port: int, *, owner: int = 0) -> FakeDatagram:
        self._port += 1
        key = (self.address, port or self._port)
        socket = FakeDatagram(self.world, key)
        self.world.datagrams[key] = socket
        return socket

    async def echo(self, address: str, *, ttl: int = 64, size: int = 56) -> EchoReply:
        await asyncio.sleep(0)
        if address in self.world.addresses or address.startswith("127."):
            return EchoReply(address, 64, 0.000221)
        if address in self.world.silent:
            await asyncio.get_running_loop().create_future()
        if not address.startswith("172.18."):
            raise refuse(errno.ENETUNREACH)
        raise refuse(errno.EHOSTUNREACH)

    async def query(self, name: str, rtype: str, server: str | None = None) -> DnsAnswer:
        await asyncio.sleep(0)
        if self.world.dead_dns or server not in {None, "127.0.0.11"}:
            raise TimeoutError
        name = name.lower()
        if rtype == "PTR":
            found = self.world.pointers.get(name)
            if found is None:
                return DnsAnswer("NXDOMAIN")
            return DnsAnswer("NOERROR", (DnsRecord(name, "PTR", 600, found),))
        if name not in self.world.names:
            return DnsAnswer("NXDOMAIN")
        if rtype != "A":
            return DnsAnswer("NOERROR")
        records = tuple(DnsRecord(name, "A", 600, a) for a in self.world.names[name])
        return DnsAnswer("NOERROR", records)

    def close_owned(self, owner: int) -> None:
        for (host, _), listener in self.world.listeners.items():
            if host == self.address and listener.owner == owner:
                listener.close()


class Running:
    """A program that runs, with what it has written so far."""

    def __init__(self, process: Process, out: MemoryFile, err: MemoryFile) -> None:
        self.process = process
        self._out, self._err = out, err

    @property
    def out(self) -> str:
        return self._out.content.decode()

    @property
    def err(self) -> str:
        return self._err.content.decode()

    async def finish(self) -> tuple[int, str, str]:
        code = await self.process.wait()
        return code, self.out, self.err


@cache
def layers(image: str) -> tuple[MemoryLayer, ...]:
    """Those of an image of the catalogue, the lowest first; made once, for nobody changes them."""
    recipe = read_recipe(CATALOGUE / image)
    below = layers(recipe.base) if recipe.base else ()
    return (*below, build_layer(recipe, applets.names))


class Node:
    """A container: an image's files, a machine, an address."""

    def __init__(
        self,
        world: World,
        upper: Path,
        image: str = "alpine",
        *,
        name: str = "box",
        address: str = "172.18.0.3",
        clock: Clock | None = None,
        files: Mapping[str, str] | None = None,
        seed: int = 1,
    ) -> None:
        upper.mkdir(parents=True, exist_ok=True)
        self.world = world
        self.clock = clock or SystemClock()
        self.fs = ContainerFs(RootFs(layers(image), upper), (), clock=self.clock)
        self.recipe = read_recipe(CATALOGUE / image)
        self.net = FakeSandbox(world, address)
        world.names[name] = [address]
        world.pointers[".".join(address.split(".")[::-1]) + ".in-addr.arpa"] = f"{name}.dev."
        self.name = name
        self.fs.write_bytes("/etc/resolv.conf", b"nameserver 127.0.0.11\noptions ndots:0\n")
        self.fs.write_bytes("/etc/hosts", f"127.0.0.1\tlocalhost\n{address}\t{name}\n".encode())
        for path, text in (files or {}).items():
            self.fs.write_bytes(path, text.encode())
        self.identities = Identities(seed)
        self.machine = self._machine()

    def _machine(self) -> ContainerMachine:
        return ContainerMachine(
            "c" * 64, self.name, self.fs, self.net, self.clock, self.identities, Environment()
        )

    async def start(self, *argv: str, stdin: bytes | OpenFile = b"", first: bool = True) -> Running:
        """Start a program, as PID 1 of a fresh machine unless ``first`` is false."""
        if first:
            self.machine = self._machine()
        config = self.recipe.config
        out, err = MemoryFile(), MemoryFile()
        feed = (MemoryFile(stdin) if stdin else NullFile()) if isinstance(stdin, bytes) else stdin
        words = argv
        process = await self.machine.start(
            ProcessSpec(words, config.env, config.working_dir or "/"),
            feed, out, err,
        )  # fmt: skip
        return Running(process, out, err)

    async def run(self, *argv: str, stdin: bytes | OpenFile = b"") -> tuple[int, str, str]:
        """Run a program to its end: exit code, standard output and error."""
        running = await self.start(*argv, stdin=stdin)
        return await running.finish()


async def until(condition: object, what: str = "", rounds: int = 2000) -> None:
    """Let everything run until ``condition()`` holds."""
    assert callable(condition)
    for _ in range(rounds):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError(f"it did not come true: {what or condition}")
