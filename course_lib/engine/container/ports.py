"""Which ports of a container are to be published."""

from __future__ import annotations

from course_lib.engine.container.container import Container
from course_lib.engine.container.validate import parse_port, parse_port_range
from course_lib.engine.network.model import PortRequest


def port_requests(container: Container) -> list[PortRequest]:
    """The ports to publish, in the order in which dockerd hands out free host ports.

    That order (``nat.SortPortMap``) is: higher host ports asked for, higher container ports,
    tcp; of equal ones of tcp the last comes first. Only exposed ports are published; clients
    expose what they bind.
    """
    bindings = container.host_config.port_bindings or {}
    found: list[tuple[int, int, bool, PortRequest]] = []
    for key in container.config.exposed_ports or ():
        number, _, protocol = key.partition("/")
        port = parse_port(number)
        if port is None:
            continue
        wanted = bindings.get(key) or ()
        is_tcp = protocol == "tcp"
        for entry in reversed(wanted) if is_tcp else wanted:
            start, end = parse_port_range(entry.host_port.partition("/")[0]) or (0, 0)
            request = PortRequest(port, protocol, entry.host_ip, start, end)
            found.append((start, port, is_tcp, request))
        if not wanted and container.host_config.publish_all_ports:
            found.append((0, port, is_tcp, PortRequest(port, protocol)))
    found.sort(key=lambda row: row[:3], reverse=True)
    return [row[3] for row in found]
