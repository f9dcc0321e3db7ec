"""The interfaces at which the parts of the engine meet.

``fs`` gives a container its files, ``network`` its network stack, ``userland`` its processes;
``container`` puts the three together. None of the three knows the others: what one needs of
another stands here as a protocol, so that each can be tested alone. Everything runs on one
asyncio loop in one thread; a method that is not ``async`` returns at once and never blocks on
another process of the container.

Errors of the emulated system are real ``OSError`` with the ``errno`` that Linux would set; the
message that a program prints follows from it.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from socket import socket
from typing import Any, Literal, Protocol, TypeVar

from course_lib.engine.clock import Clock
from course_lib.engine.ids import Identities

T = TypeVar("T")

# --- files -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileStat:
    """What ``stat(2)`` tells. ``mode`` holds type and permission bits as in :mod:`stat`."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    ino: int
    nlink: int
    dev: int
    rdev: int = 0


class OpenFile(Protocol):
    """A file descriptor of a container's process: regular file, pipe end, terminal or socket.

    A handle is one reference to an open file description. :meth:`dup` makes another; the
    description goes (and a pipe's reader sees end of file) when the last handle is closed.
    """

    @property
    def kind(self) -> Literal["file", "directory", "pipe", "tty", "socket", "device"]: ...

    async def read(self, size: int = 65536, /) -> bytes:
        """Up to ``size`` bytes as soon as there are any; ``b""`` at end of file."""

    async def write(self, data: bytes, /) -> None:
        """Write all of ``data``, waiting for room. ``EPIPE`` when nobody can read it."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move the position of a regular file; ``ESPIPE`` for anything else."""

    def truncate(self, size: int, /) -> None:
        """Cut or extend a regular file."""

    def stat(self) -> FileStat: ...

    def isatty(self) -> bool: ...

    def dup(self) -> OpenFile: ...

    def close(self) -> None:
        """Give up this handle; a second call does nothing."""


class FileSystem(Protocol):
    """A container's tree as one user sees it: root file system with all mounts.

    Paths are absolute within the container (``/etc/hosts``) and ``str``; bytes that are not
    UTF-8 appear as surrogate escapes (:func:`os.fsdecode`). Symbolic links are followed inside
    the container only; nothing resolves to a host file outside the mounts. Calls raise
    ``OSError`` as Linux would (``ENOENT``, ``EROFS``, ``EACCES``, ``EXDEV``, ``ELOOP`` …).
    """

    def as_user(self, uid: int, gid: int, groups: Sequence[int] = ()) -> FileSystem:
        """The same tree with that user's permissions (root may do everything)."""

    def open(self, path: str, flags: int, mode: int = 0o666, /) -> OpenFile:
        """Open with :mod:`os` flags (``O_RDONLY``, ``O_CREAT`` …); ``/dev/null`` and its
        kind included."""

    def stat(self, path: str, *, follow: bool = True) -> FileStat: ...
    def listdir(self, path: str) -> list[str]: ...
    def readlink(self, path: str) -> str: ...
    def realpath(self, path: str) -> str:
        """The path with all symbolic links resolved; the last part need not exist."""

    def access(self, path: str, mode: int) -> bool: ...
    def connect(self, path: str) -> socket:
        """A connection, not blocking, to the Unix socket at ``path``.

        ``ENOENT``, ``EACCES``; ``ECONNREFUSED`` for another kind of file, and where nobody
        listens."""

    def mkdir(self, path: str, mode: int = 0o777) -> None: ...
    def rmdir(self, path: str) -> None: ...
    def unlink(self, path: str) -> None: ...
    def rename(self, source: str, target: str) -> None: ...
    def symlink(self, target: str, path: str) -> None: ...
    def link(self, source: str, path: str) -> None: ...
    def mkfifo(self, path: str, mode: int = 0o666) -> None: ...
    def chmod(self, path: str, mode: int) -> None: ...
    def chown(self, path: str, uid: int, gid: int, *, follow: bool = True) -> None: ...
    def utime(self, path: str, atime_ns: int, mtime_ns: int, *, follow: bool = True) -> None: ...
    def mounts(self) -> Sequence[MountEntry]:
        """As ``/proc/mounts``, in order of mounting."""

    def usage(self, path: str) -> FileSystemUsage: ...

    # Whole small files, for programs and for the engine itself.
    def read_bytes(self, path: str) -> bytes: ...
    def write_bytes(self, path: str, data: bytes, mode: int = 0o644) -> None: ...


@dataclass(frozen=True, slots=True)
class MountEntry:
    """One line of ``/proc/mounts``.

    :ivar root: which directory of the file system it shows.
    :ivar device: major and minor number of the file system.
    """

    source: str
    target: str
    fstype: str
    options: str
    root: str = "/"
    device: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class FileSystemUsage:
    """What ``statvfs`` tells, in bytes."""

    total: int
    free: int
    available: int


# --- network -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address with its prefix length: ``172.17.0.2``, 16. ``broadcast`` for IPv4 only.

    :param nodad: assigned without asking whether somebody else has it.
    """

    address: str
    prefix: int
    broadcast: str | None = None
    scope: Literal["host", "link", "global", "global secondary"] = "global"
    nodad: bool = False


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface as ``ip address`` shows it.

    :param kind: ``loopback``, ``veth``, ``bridge`` or ``ether``; decides flags and qdisc.
    :param peer_index: index of the other end of a veth pair (``eth0@if19``).
    :param master: name of the bridge it is enslaved to, on the host side.
    """

    index: int
    name: str
    kind: Literal["loopback", "veth", "bridge", "ether"]
    mac: str
    mtu: int
    addresses: tuple[InterfaceAddress, ...]
    peer_index: int | None = None
    master: str | None = None
    up: bool = True
    rx_bytes: int = 0
    rx_packets: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """A route; ``destination`` is CIDR, ``0.0.0.0/0`` the default; ``gateway`` may be None."""

    destination: str
    gateway: str | None
    interface: str
    source: str | None = None
    metric: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry of the ARP table."""

    address: str
    mac: str
    interface: str


@dataclass(frozen=True, slots=True)
class EchoReply:
    """An answer to an ICMP echo request. ``rtt`` in seconds.

    ``source`` is the router that gave up where ``ttl`` ran out on the way (time exceeded).
    """

    source: str
    ttl: int
    rtt: float


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record of an answer; ``ttl`` in seconds, ``value`` as text."""

    name: str
    type: Literal["A", "AAAA", "PTR", "SRV", "TXT", "CNAME"]
    ttl: int
    value: str


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """``rcode`` as in RFC 1035; an existing name without such records is NOERROR and empty."""

    rcode: Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"]
    records: tuple[DnsRecord, ...] = ()
    server: str = "127.0.0.11"


@dataclass(frozen=True, slots=True)
class SocketEntry:
    """A line of ``netstat``: state is LISTEN, ESTABLISHED, … or empty for UDP."""

    protocol: Literal["tcp", "udp"]
    local: tuple[str, int]
    remote: tuple[str, int] | None
    state: str
    owner: int
    """PID in the container of the process that opened it, 0 where unknown."""


class StreamSocket(Protocol):
    """One end of an established TCP connection, in memory or a real one from outside."""

    @property
    def local(self) -> tuple[str, int]: ...
    @property
    def peer(self) -> tuple[str, int]: ...

    async def read(self, size: int = 65536, /) -> bytes:
        """Bytes as they come; ``b""`` when the peer finished; ``ECONNRESET`` when it aborted."""

    async def write(self, data: bytes, /) -> None:
        """Send all, waiting for room. ``EPIPE``/``ECONNRESET`` when the peer is gone."""

    def shutdown_write(self) -> None:
        """Say that no more will be sent (FIN); reading goes on."""

    def close(self) -> None: ...
    def abort(self) -> None:
        """Close with a reset."""


class Listener(Protocol):
    """A listening TCP socket."""

    @property
    def local(self) -> tuple[str, int]: ...
    async def accept(self) -> StreamSocket:
        """The next connection; ``EBADF`` once the listener is closed."""

    def close(self) -> None: ...


class DatagramSocket(Protocol):
    """A bound UDP socket."""

    @property
    def local(self) -> tuple[str, int]: ...
    async def receive(self) -> tuple[bytes, tuple[str, int]]: ...
    async def send(self, data: bytes, address: tuple[str, int]) -> None: ...
    def close(self) -> None: ...


class Sandbox(Protocol):
    """A network namespace: interfaces, routes, sockets and the resolver of one container.

    Containers of one ``container:ID`` group share the object; every change by
    ``docker network connect`` or ``disconnect`` shows at once in it.
    """

    @property
    def id(self) -> str: ...
    @property
    def key(self) -> str:
        """Path shown as ``NetworkSettings.SandboxKey``."""

    def interfaces(self) -> Sequence[Interface]: ...
    def routes(self) -> Sequence[Route]: ...
    def neighbours(self) -> Sequence[Neighbour]: ...
    def sockets(self) -> Sequence[SocketEntry]: ...

    async def connect(
        self, address: str, port: int, *, source: str | None = None, owner: int = 0
    ) -> StreamSocket:
        """Open a TCP connection by address.

        ``ECONNREFUSED`` where the host answers and nobody listens, ``ENETUNREACH`` without a
        route, ``EHOSTUNREACH`` after about 3 s where nobody has the address on a directly
        connected network; where packets are dropped (another network, the outside) it waits
        as Linux would (``ETIMEDOUT`` after about 130 s). The caller sets shorter limits.
        """

    def listen(self, address: str, port: int, *, owner: int = 0) -> Listener:
        """Listen; port 0 picks one. ``EADDRINUSE``, ``EADDRNOTAVAIL``, ``EACCES``."""

    def bind_udp(self, address: str, port: int, *, owner: int = 0) -> DatagramSocket: ...

    async def echo(self, address: str, *, ttl: int = 64, size: int = 56) -> EchoReply:
        """Send one ICMP echo request and wait for its answer, for ever if none comes.

        ``ENETUNREACH`` without a route; ``EHOSTUNREACH`` (destination host unreachable) after
        about 3 s for an address that nobody has on a connected network.
        """

    async def query(self, name: str, rtype: str, server: str | None = None) -> DnsAnswer:
        """Ask the DNS server that ``/etc/resolv.conf`` names (or ``server``).

        ``TimeoutError`` where that server does not answer.
        """

    def close_owned(self, owner: int) -> None:
        """Close all sockets that the process with this PID opened (it has ended)."""


# --- processes ---------------------------------------------------------------------------

SignalHandler = Callable[[int], None]


class Terminal(Protocol):
    """A pseudo-terminal: the line discipline between a client and a container's programs."""

    def slave(self) -> OpenFile:
        """A new handle on the side that programs use as 0, 1 and 2."""

    async def feed(self, data: bytes) -> None:
        """What the user typed."""

    async def output(self) -> bytes:
        """What the terminal shows next; ``b""`` once it has hung up and all was read."""

    def resize(self, rows: int, columns: int) -> None: ...
    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns); (0, 0) until it is set."""

    def hangup(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to execute: ``docker run`` and ``docker exec`` both come down to this.

    :param user: ``""``, ``name``, ``uid``, ``name:group``, ``uid:gid``; looked up in the
        container's ``/etc/passwd`` and ``/etc/group``.
    :param cwd: created if missing, as dockerd does for the working directory.
    :param groups: further groups by name or number (``--group-add``).
    """

    argv: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: str = ""
    groups: tuple[str, ...] = ()
    tty: bool = False
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """A row of ``ps``/``docker top``. ``started`` and ``cpu`` in seconds."""

    pid: int
    ppid: int
    user: str
    argv: tuple[str, ...]
    state: str
    started: float
    cpu: float
    tty: str = "?"


class Process(Protocol):
    """A running program as the program itself sees it (the ``proc`` of every applet)."""

    pid: int
    argv: list[str]
    env: dict[str, str]
    cwd: str
    umask: int
    uid: int
    gid: int
    fds: dict[int, OpenFile]

    @property
    def ppid(self) -> int:
        """PID of the parent, 0 where that is outside the container."""

    @property
    def machine(self) -> Machine: ...
    @property
    def fs(self) -> FileSystem:
        """The container's files with this process's permissions."""

    @property
    def net(self) -> Sandbox: ...
    @property
    def stdin(self) -> OpenFile: ...
    @property
    def stdout(self) -> OpenFile: ...
    @property
    def stderr(self) -> OpenFile: ...

    def path(self, path: str) -> str:
        """``path`` made absolute by the working directory (not normalised)."""

    async def out(self, text: str | bytes) -> None:
        """Write to standard output."""

    async def err(self, text: str | bytes) -> None:
        """Write to standard error."""

    async def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        fds: Mapping[int, OpenFile] | None = None,
        new_group: bool = False,
    ) -> Process:
        """Run a program as a child: look ``argv[0]`` up in ``PATH`` and execute the file.

        The child gets duplicates of ``fds`` (default: this process's 0, 1 and 2). Raises
        ``OSError`` with ``ENOENT``, ``EACCES`` or ``ENOEXEC`` where Linux's ``execve`` would.
        """

    def thread(self, make: Callable[[], Coroutine[Any, Any, T]], /) -> asyncio.Task[T]:
        """Run ``make()`` beside the program as part of this process.

        It is frozen and killed with the process. Its errors are the caller's to collect.
        """

    async def wait(self) -> int:
        """Wait for the end of this process: 0 to 255, or 128 + signal number."""

    @property
    def exit_code(self) -> int | None: ...

    def on_signal(self, signum: int, handler: SignalHandler | Literal["ignore"] | None) -> None:
        """Handle, ignore or (``None``) take the default action for a signal."""

    def kill(self, signum: int = signal.SIGTERM) -> None:
        """Deliver a signal to this process.

        PID 1 ignores every signal without a handler but SIGKILL, as Linux does.
        """

    async def sleep(self, seconds: float) -> None: ...


Applet = Callable[[Process], Awaitable[int]]
"""A program: runs as one process, returns its exit code, prints its own errors."""


class Machine(Protocol):
    """The kernel that one container sees: processes, host name, files, network, time."""

    @property
    def hostname(self) -> str: ...
    @property
    def fs(self) -> FileSystem: ...
    @property
    def net(self) -> Sandbox: ...
    @property
    def clock(self) -> Clock:
        """The time that its programs see (``date``, access logs, time-outs)."""

    @property
    def ids(self) -> Identities:
        """Where its programs draw random numbers and names from."""

    @property
    def environment(self) -> Environment: ...

    def limit_processes(self, limit: int | None) -> None:
        """How many processes there may be from now on; None, 0 and less mean no limit asked for."""

    async def start(
        self,
        spec: ProcessSpec,
        stdin: OpenFile,
        stdout: OpenFile,
        stderr: OpenFile,
        terminal: Terminal | None = None,
    ) -> Process:
        """Execute a program as PID 1 (first call) or beside it (``docker exec``).

        Takes over the three handles. Raises ``OSError`` where the program cannot be executed
        (``ENOENT``, ``EACCES``, ``EISDIR``, ``ENOEXEC``, ``ENOTDIR``) and ``KeyError`` for an
        unknown user. The end of PID 1 kills all others.
        """

    async def come_to_rest(self, seconds: float) -> None:
        """Return once all processes wait for something or have ended; after ``seconds`` anyway."""

    def processes(self) -> Sequence[ProcessInfo]: ...
    def signal(self, pid: int, signum: int) -> None: ...
    def pause(self) -> None:
        """Freeze all processes at their next step, as the cgroup freezer does."""

    def unpause(self) -> None: ...
    async def kill_all(self) -> None:
        """SIGKILL to everything; returns when nothing runs any more."""


@dataclass(slots=True)
class Environment:
    """What the userland may use of the world outside the container.

    :param services: named capabilities that an image's programs may need.
    """

    services: dict[str, object] = field(default_factory=dict)
