"""Links on the default bridge: names and variables of one container for another.

Follows Moby's ``daemon/links`` and ``registerLinks``: a link belongs to its parent, the
container that was given ``--link``, and leads to its child, whatever that is called later. It
shows in the parent's ``/etc/hosts`` and environment, and is a name of the child: ``/web/db``.
On a user-defined network a link is an alias that its container alone sees (see the resolver).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from course_lib.engine.container.config import shared_container
from course_lib.engine.container.container import Container
from course_lib.engine.container.registry import Registry
from course_lib.engine.errdefs import EngineError, InvalidParameter, NotFound, SystemFailure

Address = Callable[[Container], str | None]
"""A container's address on the default bridge; None where it is not there."""


def parse(link: str) -> tuple[str, str]:
    """``NAME``, ``NAME:ALIAS`` or, as inspect shows it, ``/NAME:/PARENT/ALIAS`` → name, alias.

    :raises SystemFailure: it is none of these.
    """
    if not link:
        raise SystemFailure("empty string specified for links")
    name, colon, alias = link.partition(":")
    if ":" in alias:
        raise SystemFailure(f"bad format for links: {link}")
    if not colon:
        return link, link
    if name.startswith("/"):
        return name[1:], alias.rpartition("/")[2]
    return name, alias


def register(parent: Container, registry: Registry) -> None:
    """Turn the links that a new container asks for into links to containers.

    An alias that is taken already is ignored, as by dockerd.

    :raises EngineError: with dockerd's text.
    """
    asked, parent.host_config.links = parent.host_config.links, None
    for link in asked or ():
        name, alias = parse(link)
        child = _child(name, registry)
        if alias and registry.reserve_link(parent.name, alias, child.id):
            parent.links = {**(parent.links or {}), alias: child}


def _child(name: str, registry: Registry) -> Container:
    try:
        child = registry.get(name)
        while (shared := shared_container(child.host_config.network_mode)) is not None:
            child = registry.get(shared)
    except NotFound as error:
        # "Not found" would make the client look for an image.
        raise InvalidParameter(f"could not get container for {name}: {error}") from None
    except EngineError as error:
        error.args = (f"could not get container for {name}: {error}",)
        raise
    if child.host_config.network_mode == "host":
        raise InvalidParameter(
            "conflicting options: host type networking can't be used with links. "
            "This would result in undefined behavior"
        )
    return child


def restore(parent: Container, links: Mapping[str, str], registry: Registry) -> None:
    """Links of a container that was found again: alias → ID of the child."""
    for alias, child_id in links.items():
        child = registry.find(child_id)
        if child is not None and registry.reserve_link(parent.name, alias, child_id):
            parent.links = {**(parent.links or {}), alias: child}


def hosts(parent: Container, address: Address) -> list[tuple[str, str]]:
    """(address, names) for the parent's ``/etc/hosts``.

    :raises SystemFailure: a child is not on the default bridge, or does not run; dockerd looks in
        this order.
    """
    for child in (parent.links or {}).values():
        if "bridge" not in child.networks:
            raise _elsewhere(child)
    return [
        (child_address, hosts_names(alias, child))
        for alias, child, child_address in _running(parent, address)
    ]


def _elsewhere(child: Container) -> SystemFailure:
    return SystemFailure(
        f"Cannot link to /{child.name}, as it does not belong to the default network"
    )


def hosts_names(alias: str, child: Container) -> str:
    """The names of a child in the parent's ``/etc/hosts``."""
    alias = alias.rpartition("/")[2]
    names = [alias, child.config.hostname]
    if alias != child.name:
        names.append(child.name)
    return " ".join(names)


def _running(parent: Container, address: Address) -> Iterator[tuple[str, Container, str]]:
    for alias, child in (parent.links or {}).items():
        if not child.state.running:
            raise SystemFailure(
                f"Cannot link to a non running container: /{child.name} AS /{parent.name}/{alias}"
            )
        child_address = address(child)
        if child_address is None:
            raise _elsewhere(child)
        yield alias, child, child_address


def environment(parent: Container, address: Address) -> list[str]:
    """Variables that tell the parent's programs of its children, as Docker has set them ever since.

    :raises SystemFailure: see :func:`hosts`.
    """
    variables: list[str] = []
    for alias, child, child_address in _running(parent, address):
        prefix = alias.rpartition("/")[2].upper().replace("-", "_")
        variables += _port_variables(prefix, child_address, _ports(child))
        variables.append(f"{prefix}_NAME=/{parent.name}/{alias}")
        for entry in child.config.env or ():
            name, has_value, value = entry.partition("=")
            if has_value and name not in {"HOME", "PATH"}:
                variables.append(f"{prefix}_ENV_{name}={value}")
    return variables


def _ports(container: Container) -> list[tuple[int, str]]:
    """Exposed ports, lowest first, tcp before the others."""
    found = [port.partition("/") for port in container.config.exposed_ports or ()]
    ports = [(int(number), protocol) for number, _, protocol in found if number.isdigit()]
    return sorted(ports, key=lambda port: (port[0], port[1] != "tcp", port[1]))


def _port_variables(alias: str, address: str, ports: list[tuple[int, str]]) -> Iterator[str]:
    if ports:
        yield f"{alias}_PORT={ports[0][1]}://{address}:{ports[0][0]}"
    index = 0
    while index < len(ports):
        last = _end_of_range(ports, index)
        if last <= index + 1:
            index += 1
            continue
        (first, protocol), (end, end_protocol) = ports[index], ports[last]
        name = f"{alias}_PORT_{first}_{protocol.upper()}"
        yield f"{name}_START={protocol}://{address}:{first}"
        yield f"{name}_ADDR={address}"
        yield f"{name}_PROTO={protocol}"
        yield f"{name}_PORT_START={first}"
        yield f"{name}_END={end_protocol}://{address}:{end}"
        yield f"{name}_PORT_END={end}"
        index = last + 1
    for number, protocol in ports:
        name = f"{alias}_PORT_{number}_{protocol.upper()}"
        yield f"{name}={protocol}://{address}:{number}"
        yield f"{name}_ADDR={address}"
        yield f"{name}_PORT={number}"
        yield f"{name}_PROTO={protocol}"


def _end_of_range(ports: list[tuple[int, str]], start: int) -> int:
    """Where a run of neighbouring ports ends (Moby counts two protocols of one port as one run)."""
    value = ports[start][0]
    for index in range(start + 1, len(ports)):
        if ports[index][0] > value + 1:
            return index - 1
        value += 1
    return len(ports) - 1
