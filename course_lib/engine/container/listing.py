"""``docker ps``: which containers, in which order (Moby: ``daemon/list.go``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from course_lib.engine.container.container import Container
from course_lib.engine.container.registry import Registry
from course_lib.engine.container.validate import MAX_PORT
from course_lib.engine.errdefs import EngineError, InvalidParameter
from course_lib.engine.filters import Filters, InvalidFilter

ACCEPTED = frozenset(
    [
        "ancestor",
        "before",
        "exited",
        "id",
        "isolation",
        "label",
        "name",
        "status",
        "health",
        "since",
        "volume",
        "network",
        "is-task",
        "publish",
        "expose",
    ]
)
_STATES = {"paused", "restarting", "removing", "running", "dead", "created", "exited"}
_HEALTH = {"starting", "healthy", "unhealthy", "none"}


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The query of ``GET /containers/json``."""

    all: bool = False
    limit: int = 0
    before: str = ""
    since: str = ""
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class PortRow:
    """What the ``publish`` and ``expose`` filters look at."""

    private: int
    public: int
    protocol: str


ImageIds = Callable[[str], Collection[str]]
"""An image reference → IDs of the image and of all images built on it; empty if unknown."""
Ports = Callable[[Container], Collection[PortRow]]


def select(
    registry: Registry, options: ListOptions, image_ids: ImageIds, ports: Ports
) -> list[Container]:
    """The containers wanted, newest first.

    :raises InvalidParameter: a filter does not exist or makes no sense.
    :raises NotFound: ``before`` or ``since`` name a container that does not exist.
    """
    filters = options.filters
    filters.validate(ACCEPTED)
    exit_codes = [_exit_code(value) for value in filters.get("exited")]
    for value in filters.get("status"):
        if value not in _STATES:
            raise InvalidFilter("status", value)
    filters.boolean("is-task", False)
    for value in filters.get("health"):
        if value not in _HEALTH:
            raise InvalidParameter(f"unrecognized filter value for health: {value}")
    before = [registry.get(value) for value in (*filters.get("before"), options.before) if value]
    since = [registry.get(value) for value in (*filters.get("since"), options.since) if value]
    ancestors = {image for value in filters.get("ancestor") for image in image_ids(value)}
    wanted_ports = {
        name: {port for value in filters.get(name) for port in _ports(name, value)}
        for name in ("publish", "expose")
    }
    show_all = options.all or bool(filters.get("status")) or options.limit > 0
    found: list[Container] = []
    for container in _between(registry, before[-1:], since[-1:]):
        if not container.state.running and not show_all:
            continue
        if not _matches(container, filters, exit_codes):
            continue
        if "ancestor" in filters and container.image_id not in ancestors:
            continue
        if any(wanted_ports.values()) and not _has_port(ports(container), wanted_ports):
            continue
        if options.limit > 0 and len(found) == options.limit:
            break
        found.append(container)
    return found


def _between(
    registry: Registry, before: list[Container], since: list[Container]
) -> Iterator[Container]:
    newest_first = sorted(registry, key=lambda container: container.created_ns, reverse=True)
    waiting = bool(before)
    for container in newest_first:
        if waiting:
            waiting = container is not before[0]
            continue
        if since and container is since[0]:
            return
        yield container


def _matches(container: Container, filters: Filters, exit_codes: list[int]) -> bool:
    state = container.state
    ids = filters.get("id")
    if ids and not any(container.id.startswith(value) for value in ids):
        return False
    if not (filters.match("name", f"/{container.name}") or filters.match("name", container.name)):
        return False
    if filters.get("is-task") and filters.boolean("is-task", False):
        return False
    if not filters.labels("label", container.config.labels):
        return False
    if exit_codes and not (
        not state.running and state.started_ns and state.exit_code in exit_codes
    ):
        return False
    health = state.health.status if state.health is not None else "none"
    if not filters.match("status", state.status) or not filters.exact("health", health):
        return False
    volumes = filters.get("volume")
    if volumes:
        shown = [mount for mount in container.mounts if mount.shown]
        known = {mount.destination for mount in shown}
        known |= {mount.name or mount.source for mount in shown}
        if known.isdisjoint(volumes):
            return False
    networks = filters.get("network")
    return not networks or any(
        name == value or (config.network_id and config.network_id.startswith(value))
        for value in networks
        for name, config in container.networks.items()
    )


def _exit_code(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise InvalidParameter(
            f"invalid filter 'exited={value}': strconv.Atoi: parsing \"{value}\": invalid syntax"
        ) from None


def _ports(name: str, value: str) -> set[tuple[int, str]]:
    if ":" in value:
        raise EngineError(f"filter for '{name}' should not contain ':': {value}")
    ports, _, protocol = value.partition("/")
    try:
        start, end = _port_range(ports)
    except ValueError as error:
        raise EngineError(f"error while looking up for {name} {value}: {error}") from None
    return {(port, protocol or "tcp") for port in range(start, end + 1)}


def _port_range(ports: str) -> tuple[int, int]:
    """``80`` or ``80-90`` (``nat.ParsePortRange``, which overlooks a third part)."""
    if not ports:
        raise ValueError("Empty string specified for ports.")
    bounds = [_port(part) for part in ports.split("-")[:2]]
    start, end = bounds[0], bounds[-1]
    if end < start:
        raise ValueError(f"Invalid range specified for the Port: {ports}")
    return start, end


def _port(text: str) -> int:
    digits = text.isascii() and text.isdigit()
    if not digits or int(text) > MAX_PORT:
        problem = "value out of range" if digits else "invalid syntax"
        raise ValueError(f'strconv.ParseUint: parsing "{text}": {problem}')
    return int(text)


def _has_port(rows: Collection[PortRow], wanted: dict[str, set[tuple[int, str]]]) -> bool:
    return any(
        (row.public and (row.public, row.protocol) in wanted["publish"])
        or (row.private, row.protocol) in wanted["expose"]
        for row in rows
    )
