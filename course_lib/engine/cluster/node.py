"""A node on another engine, as the manager sees it: each order is a question over its link."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence

from course_lib.engine.cluster import codec
from course_lib.engine.cluster.channel import Channel
from course_lib.engine.cluster.link import Link
from course_lib.engine.container.logs import LogLine
from course_lib.engine.errdefs import SystemFailure
from course_lib.engine.swarm.interfaces import LogOptions, ServiceRecord, TaskAssignment

_LONGEST_LINE = 1 << 20


class RemoteNode:
    """Stands in for a node while its engine is linked (``swarm.interfaces.NodeAgent``).

    Every call raises ``OSError`` where the link is gone: the node is told anew when it is back.
    """

    def __init__(self, link: Link) -> None:
        self.link = link

    async def assign(self, assignment: TaskAssignment) -> None:
        await self.link.call("task.assign", {"task": codec.pack_task(assignment)})

    async def update(self, task_id: str, desired: str) -> None:
        await self.link.call("task.update", {"task": task_id, "desired": desired})

    async def remove(self, task_id: str) -> None:
        await self.link.call("task.remove", {"task": task_id})

    def publish(self, records: Sequence[ServiceRecord]) -> None:
        self.link.note("services", {"services": [codec.pack_service(r) for r in records]})

    async def logs(self, task_id: str, options: LogOptions) -> AsyncIterator[LogLine]:
        fields = {"task": task_id, "options": codec.pack_log_options(options)}
        channel, _ = await self.link.open("task.logs", fields)
        try:
            async for line in _lines(channel):
                yield line
        finally:
            channel.close()


async def send_lines(lines: AsyncIterator[LogLine], channel: Channel) -> None:
    """The node's side of :meth:`RemoteNode.logs`: each line as JSON, with a line end."""
    try:
        async for line in lines:
            text = line.data.decode("utf-8", "surrogateescape")
            await channel.write(json.dumps([text, line.stream, line.time]).encode() + b"\n")
        channel.shutdown_write()
    except OSError:
        pass  # nobody reads any more
    finally:
        channel.close()


async def _lines(channel: Channel) -> AsyncIterator[LogLine]:
    rest = b""
    while data := await channel.read():
        *whole, rest = (rest + data).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise SystemFailure("a node sent a line of a log that is too long")
        for row in whole:
            text, stream, time = json.loads(row)
            yield LogLine(str(text).encode("utf-8", "surrogateescape"), str(stream), str(time))
