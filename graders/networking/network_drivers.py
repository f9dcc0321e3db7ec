"""Checks of the lesson ``network-drivers``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from graders.engine_view import ContainerView
from graders.expectation import Expectation, Finding, expect, met, missed
from graders.facts import box, itself, links, listed, made_from, runs
from graders.probe import Probe
from graders.registry import check
from graders.sketch import Shown, Thing

LOOPBACK = "lo"
PAGE = "http://127.0.0.1/"
Interfaces = Mapping[str, frozenset[str]]


@check("drivers-isolated")
def loopback_alone(probe: Probe) -> Iterator[Expectation]:
    """A running container ``vault`` that has no interface but lo."""
    vault = probe.container("vault")
    running = runs(vault)
    yield expect("A container named vault is running.", 1, running)
    yield expect(
        "vault has no network interface but lo.", 2, running.then(lambda: _isolated(probe, vault))
    )


@check("drivers-shared-stack")
def one_stack_for_two(probe: Probe) -> Iterator[Expectation]:
    """A running nginx ``app`` and a ``sidecar`` in its network stack that gets its page."""
    app, sidecar = probe.container("app"), probe.container("sidecar")
    app_runs, sidecar_runs = runs(app), runs(sidecar)
    yield expect("A container named app is running.", 0.5, app_runs)
    yield expect(
        "app was made from the image nginx.",
        0.5,
        app_runs.then(lambda: made_from(probe, app, "nginx")),
    )
    yield expect("A container named sidecar is running.", 0.5, sidecar_runs)
    shared = app_runs.then(lambda: sidecar_runs).then(
        lambda: _shares(probe, app, sidecar), drawn=True
    )
    yield expect("sidecar uses the network stack of app.", 1.5, shared)
    yield expect(
        "From inside sidecar, the page answers at 127.0.0.1.",
        1,
        shared.then(lambda: _page_on_loopback(probe, app, sidecar)),
    )


@check("drivers-host")
def interfaces_of_the_host(probe: Probe) -> Iterator[Expectation]:
    """A running container ``hostview`` that sees the host's own interfaces."""
    hostview = probe.container("hostview")
    running = runs(hostview)
    yield expect("A container named hostview is running.", 1, running)
    yield expect(
        "hostview sees the interfaces of the host.",
        2,
        running.then(lambda: _sees_host(probe, hostview)),
    )


# --- findings ------------------------------------------------------------------------------


def _isolated(probe: Probe, vault: ContainerView) -> Finding:
    interfaces = _interfaces(probe, vault)
    others = set(interfaces) - {LOOPBACK}
    if not others:
        return met("vault has lo and nothing else")
    return missed(
        f"vault has {listed(interfaces)}",
        "One of the built-in drivers gives a container no network at all. Remove vault and start"
        " it with that one.",
        *links("wrong", vault, vault.addresses),
    )


def _shares(probe: Probe, app: ContainerView, sidecar: ContainerView) -> Finding:
    owner, wanted = probe.stack_owner(sidecar), probe.stack_owner(app)
    borrowed = owner.id != sidecar.id
    shared = Shown("missing", box(sidecar), box(app), "network stack")
    if borrowed and owner.id == wanted.id:
        return met("sidecar has the network stack of app", replace(shared, state="met"))
    if owner.network_mode == wanted.network_mode == "host":
        return missed(
            "app and sidecar are both on the host's network",
            "There they share with everybody. sidecar is to borrow the stack of app alone.",
            shared,
        )
    if borrowed:
        return missed(
            f"sidecar has the network stack of {owner.name}",
            "That is not the app that runs now. A new app needs a new sidecar.",
            shared,
        )
    return missed(
        f"sidecar has a network of its own ({sidecar.network_mode})",
        "The option that chooses a network also takes container: and a name or an ID.",
        shared,
        *links("other", sidecar, sidecar.addresses),
    )


def _page_on_loopback(probe: Probe, app: ContainerView, sidecar: ContainerView) -> Finding:
    with probe.inside_container(sidecar) as inside:
        answer = probe.settled(app, lambda: inside.get(PAGE), lambda answer: answer.ok)
    if answer.ok:
        return itself(probe, app, met(f"{PAGE} answers from inside sidecar"))
    return missed(
        f"asking {PAGE} from inside sidecar gave: {answer}",
        "Does nginx run in app? See docker logs app. If app was restarted, start sidecar again"
        " as well: it still holds the old stack.",
    )


def _sees_host(probe: Probe, hostview: ContainerView) -> Finding:
    with probe.inside_host() as inside:
        host = _lasting(inside.interfaces())
    seen = _lasting(_interfaces(probe, hostview))
    if probe.stack_owner(hostview).network_mode == "host" or (host and host == seen):
        return met(f"hostview sees {listed(seen)}")
    return missed(
        f"hostview sees {listed(seen)}, the host has {listed(host)}",
        "A container with the host's network sees what the host sees. Which driver gives it that?",
        Shown("met", Thing("host", "interfaces")),
        Shown("missing", box(hostview), Thing("host", "interfaces")),
        *links("other", hostview, hostview.addresses),
    )


def _interfaces(probe: Probe, container: ContainerView) -> Interfaces:
    with probe.inside_container(container) as inside:
        return inside.interfaces()


def _lasting(interfaces: Interfaces) -> Interfaces:
    """Without the ends of veth pairs, which come and go with other containers."""
    return {name: found for name, found in interfaces.items() if not name.startswith("veth")}
