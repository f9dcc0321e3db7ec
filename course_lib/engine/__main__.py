"""``python -m course_lib.engine``: one engine, until a signal ends it.

Prints nothing when all goes well; with ``--ready-fd N`` it writes ``READY <DOCKER_HOST>`` to
that descriptor as soon as it answers. Exit codes: 0 after SIGTERM or SIGINT, 2 where it could
not start, with one line on standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import sys
from pathlib import Path

from course_lib.engine.errdefs import EngineError

_RECURSION = 10000
"""Frames of Python: a function of a shell that calls itself takes some ten for each call. Each
coroutine needs about 400 bytes of the 8 MiB of stack that a main thread has (CPython 3.11)."""


def main(argv: list[str] | None = None) -> int:
    """Run an engine; gives the exit code."""
    arguments = _parser().parse_args(argv)
    _raise_file_limit()
    sys.setrecursionlimit(_RECURSION)
    try:
        asyncio.run(_serve(arguments))
    except EngineError as error:
        print(f"embedded engine: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.engine", description="Run an embedded Docker Engine."
    )
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--state", type=Path, required=True, help="directory for all state")
    parser.add_argument("--seed", type=int, help="make IDs, names and latencies repeat")
    parser.add_argument("--host-name", help="name of the emulated host (default: this host's)")
    parser.add_argument(
        "--ready-fd", type=int, metavar="N", help="write READY to this descriptor when it answers"
    )
    parser.add_argument(
        "--idle-exit",
        type=float,
        metavar="SECONDS",
        help="end after that long without clients and running containers",
    )
    parser.add_argument(
        "--with-stdin", action="store_true", help="end when standard input is closed"
    )
    return parser


async def _serve(arguments: argparse.Namespace) -> None:
    from course_lib.engine.api.application import make_server
    from course_lib.engine.engine import Engine

    state, path = arguments.state.absolute(), arguments.socket.absolute()
    engine = Engine(state, seed=arguments.seed, host_name=arguments.host_name, socket_path=path)
    _log_to(state / "engine.log")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(signum, stop.set)
    server = make_server(engine)
    loop.add_signal_handler(signal.SIGUSR1, _dump_tasks, state / "tasks.log")
    try:
        await engine.start()
        await server.start(path)
        engine.warm_up()
        # Modules stay: the collector need not walk them again and again. Containers make
        # thousands of small objects at a time, few of them in cycles.
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        _tell_ready(arguments.ready_fd, path)
        watch = None
        if arguments.idle_exit is not None:
            watch = asyncio.create_task(_idle(engine, server, arguments.idle_exit, stop))
        if arguments.with_stdin:
            _stop_when_closed(sys.stdin.fileno(), stop)
        await stop.wait()
        if watch is not None:
            watch.cancel()
    finally:
        await server.close()
        await engine.close()


def _stop_when_closed(descriptor: int, stop: asyncio.Event) -> None:
    """Set ``stop`` when whoever holds the other end of a pipe, and writes nothing, is gone."""
    loop = asyncio.get_running_loop()

    def gone() -> None:
        loop.remove_reader(descriptor)
        stop.set()

    loop.add_reader(descriptor, gone)


async def _idle(engine: object, server: object, limit: float, stop: asyncio.Event) -> None:
    """Set ``stop`` after ``limit`` seconds without clients and running containers."""
    from course_lib.engine.api.server import ApiServer
    from course_lib.engine.engine import Engine

    assert isinstance(engine, Engine)
    assert isinstance(server, ApiServer)
    step = min(1.0, limit / 4) or 0.05
    idle_for = 0.0
    while idle_for < limit:
        await engine.clock.sleep(step)
        busy = server.connections or engine.busy
        idle_for = 0.0 if busy else idle_for + step
    stop.set()


def _dump_tasks(path: Path) -> None:
    """SIGUSR1: what the engine is busy with, one task a line, as dockerd dumps its goroutines."""
    lines = [str(task.get_coro()) for task in asyncio.all_tasks()]
    temporary = path.with_suffix(".tmp")
    temporary.write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    temporary.replace(path)


def _tell_ready(descriptor: int | None, path: Path) -> None:
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.write(descriptor, f"READY unix://{path}\n".encode())
            if descriptor > 2:
                os.close(descriptor)


class _Log(logging.FileHandler):
    """A log that is made with its first line. What cannot be written must not end the engine."""

    def emit(self, record: logging.LogRecord) -> None:
        # Opening it is not covered by logging's own care: no descriptor may be left.
        with contextlib.suppress(OSError):
            super().emit(record)


def _log_to(path: Path) -> None:
    logging.raiseExceptions = False  # nor does a full disk belong on standard error
    handler = _Log(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def _raise_file_limit() -> None:
    """Published ports and clients need descriptors: take all that this process may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _speak_utf8() -> None:
    """Names of files in containers are UTF-8, in whatever locale the engine is started."""
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


if __name__ == "__main__":
    _speak_utf8()
    sys.exit(main())
