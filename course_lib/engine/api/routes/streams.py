"""``/containers/{name}``: logs, attach, stats: what streams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from course_lib.engine.api.errors import status_of
from course_lib.engine.api.format.times import time_text
from course_lib.engine.api.messages import (
    AnyResponse,
    RawStream,
    Request,
    Response,
    StreamResponse,
    Upgrade,
    encode,
    json_response,
)
from course_lib.engine.api.routes.system import resident_memory, total_memory
from course_lib.engine.api.streams import frame
from course_lib.engine.api.timestamps import unix_ns
from course_lib.engine.container.attach import DEFAULT_DETACH, Detached, attach, detach_keys
from course_lib.engine.container.container import Container
from course_lib.engine.container.logs import LogLine, StreamKind
from course_lib.engine.engine import Engine
from course_lib.engine.errdefs import (
    Conflict,
    EngineError,
    InvalidParameter,
    NotImplementedByEngine,
)

RAW = "application/vnd.docker.raw-stream"
MULTIPLEXED = "application/vnd.docker.multiplexed-stream"
_STATS_INTERVAL = 1.0


def unframed(stream: StreamKind, data: bytes) -> bytes:
    """Terminals have one stream: nothing to tell apart."""
    return data


class Handlers:
    """Handlers of the streaming calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._containers = engine.containers

    # --- logs ----------------------------------------------------------------------------

    async def get_logs(self, request: Request) -> AnyResponse:
        stdout, stderr = request.flag("stdout"), request.flag("stderr")
        if not (stdout or stderr):
            raise InvalidParameter("Bad parameters: you must choose at least one stream")
        container = self._containers.get(request.variables["name"])
        if container.state.removing or container.state.dead:
            raise Conflict("can not get logs from container which is dead or marked for removal")
        log = container.streams.log
        if log is None:
            raise EngineError("configured logging driver does not support reading")
        tail = request.text("tail")
        since, until = request.text("since"), request.text("until")
        lines = log.read(
            tail=int(tail) if tail.isdigit() else None,
            since_ns=unix_ns(since) or 0,
            until_ns=unix_ns(until) if until not in {"", "0"} else None,
            follow=request.flag("follow"),
        )
        tty = container.config.tty
        wanted = {name for name, on in (("stdout", stdout), ("stderr", stderr)) if on}
        multiplexed = not tty and request.version >= (1, 42)
        return StreamResponse(
            self._log_bytes(
                lines,
                wanted,
                timestamps=request.flag("timestamps"),
                details=request.flag("details"),
                framed=not tty,
            ),
            content_type=MULTIPLEXED if multiplexed else RAW,
        )

    @staticmethod
    async def _log_bytes(
        lines: AsyncIterator[LogLine],
        wanted: set[str],
        *,
        timestamps: bool,
        details: bool,
        framed: bool,
    ) -> AsyncIterator[bytes]:
        async for line in lines:
            if line.stream not in wanted:
                continue
            data = line.data
            if details:
                data = b" " + data
            if timestamps:
                data = fixed_width(line.time).encode() + b" " + data
            name: StreamKind = "stderr" if line.stream == "stderr" else "stdout"
            yield frame(name, data) if framed else data

    # --- attach --------------------------------------------------------------------------

    async def get_attach_websocket(self, request: Request) -> Response:
        raise NotImplementedByEngine("attaching by WebSocket")

    async def post_attach(self, request: Request) -> AnyResponse:
        try:
            return self._attach(request)
        except EngineError as error:
            # dockerd has taken the connection over by now and answers with plain text.
            return _PlainError(error).response()

    def _attach(self, request: Request) -> Upgrade:
        name = request.variables["name"]
        keys = DEFAULT_DETACH
        if text := request.text("detachKeys"):
            try:
                keys = detach_keys(text)
            except ValueError:
                raise InvalidParameter(f"Invalid detach keys ({text}) provided") from None
        container = self._containers.get(name)
        if container.state.paused:
            raise Conflict(f"container {name} is paused, unpause the container before attach")
        if container.state.restarting:
            raise Conflict(f"container {name} is restarting, wait until the container is running")
        tty = container.config.tty
        streaming = request.flag("stream")
        stdin = request.flag("stdin") and streaming and container.config.open_stdin
        stdout, stderr = request.flag("stdout"), request.flag("stderr")
        logs = request.flag("logs")
        framing = unframed if tty else frame
        # From here on, nothing that the container writes is missed.
        attachment = container.streams.attach(stdout=stdout, stderr=stderr) if streaming else None

        self._containers.lifecycle.publish(container, "attach")

        async def run(stream: RawStream) -> None:
            try:
                if logs:
                    await self._send_past(container, stream, stdout=stdout, stderr=stderr)
                if attachment is not None:
                    await attach(
                        container.streams, attachment, stream, framing, stdin=stdin, keys=keys
                    )
            except Detached:
                self._containers.lifecycle.publish(container, "detach")
            finally:
                if attachment is not None:
                    container.streams.detach(attachment)

        multiplexed = not tty and request.version >= (1, 42)
        return Upgrade(run, MULTIPLEXED if multiplexed else RAW)

    @staticmethod
    async def _send_past(
        container: Container, stream: RawStream, *, stdout: bool, stderr: bool
    ) -> None:
        if container.streams.log is None:
            return
        framing = unframed if container.config.tty else frame
        async for line in container.streams.log.read():
            name: StreamKind = "stderr" if line.stream == "stderr" else "stdout"
            if stdout if name == "stdout" else stderr:
                await stream.write(framing(name, line.data))

    # --- stats ---------------------------------------------------------------------------

    async def get_stats(self, request: Request) -> AnyResponse:
        container = self._containers.get(request.variables["name"])
        if not request.flag("stream", default=True):
            return json_response(self._stats(container, None))

        async def samples() -> AsyncIterator[bytes]:
            previous = None
            while not container.state.removed:
                sample = self._stats(container, previous)
                yield encode(sample)
                previous = sample
                await self._engine.clock.sleep(_STATS_INTERVAL)

        return StreamResponse(samples())

    def _stats(self, container: Container, previous: dict[str, Any] | None) -> dict[str, Any]:
        """What can honestly be said: traffic, processes, their CPU time; memory is the engine's."""
        runtime = container.runtime
        processes = runtime.machine.processes() if runtime else ()
        cpu = {
            "cpu_usage": {
                "total_usage": int(sum(process.cpu for process in processes) * 1e9),
                "usage_in_kernelmode": 0,
                "usage_in_usermode": int(sum(process.cpu for process in processes) * 1e9),
            },
            "system_cpu_usage": int(self._engine.clock.monotonic() * 1e9),
            "online_cpus": 1,
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        }
        nothing: dict[str, Any] = {
            "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
            "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
        }
        result: dict[str, Any] = {
            "read": time_text(self._engine.clock.time_ns() if runtime else 0),
            "preread": previous["read"] if previous else time_text(0),
            "pids_stats": {"current": len(processes)} if runtime else {},
            "blkio_stats": {
                "io_service_bytes_recursive": [],
                "io_serviced_recursive": [],
                "io_queue_recursive": [],
                "io_service_time_recursive": [],
                "io_wait_time_recursive": [],
                "io_merged_recursive": [],
                "io_time_recursive": [],
                "sectors_recursive": [],
            },
            "num_procs": 0,
            "storage_stats": {},
            "cpu_stats": cpu if runtime else nothing,
            "precpu_stats": previous["cpu_stats"] if previous else nothing,
            "memory_stats": self._memory() if runtime else {},
            "name": f"/{container.name}",
            "id": container.id,
        }
        if runtime is not None:
            result["networks"] = {
                interface.name: {
                    "rx_bytes": interface.rx_bytes,
                    "rx_packets": interface.rx_packets,
                    "rx_errors": 0,
                    "rx_dropped": 0,
                    "tx_bytes": interface.tx_bytes,
                    "tx_packets": interface.tx_packets,
                    "tx_errors": 0,
                    "tx_dropped": 0,
                }
                for interface in runtime.sandbox.interfaces()
                if interface.kind != "loopback"
            }
        return result

    def _memory(self) -> dict[str, Any]:
        """An equal share of what the engine occupies: containers have no memory of their own."""
        running = sum(1 for container in self._containers.registry if container.runtime)
        return {
            "usage": resident_memory() // max(running, 1),
            "stats": {},
            "limit": total_memory(),
        }


class _PlainError:
    """An error on a connection that the client expects to be hijacked."""

    def __init__(self, error: EngineError) -> None:
        self._error = error

    def response(self) -> Response:
        """The answer; the connection ends after it."""
        return Response(
            status_of(self._error),
            f"{self._error}\r\n".encode("utf-8", "surrogateescape"),
            RAW,
            last=True,
        )


def fixed_width(time: str) -> str:
    """Nine digits after the point, as ``docker logs -t`` shows them."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}Z"
