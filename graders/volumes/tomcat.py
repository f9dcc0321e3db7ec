"""What the exercises with a Tomcat have in common."""

from __future__ import annotations

from graders.engine_view import ContainerView
from graders.expectation import Finding, met, missed
from graders.facts import itself, listed, port_links
from graders.http_probe import HttpAnswer
from graders.probe import Probe

HTTP = "8080/tcp"
HOME = "/usr/local/tomcat"
LOGS, WEBAPPS = f"{HOME}/logs", f"{HOME}/webapps"
START_SECONDS = 30.0


def spoke(answer: HttpAnswer) -> bool:
    """A server answered. Tomcat without an application in it says 404."""
    return answer.status > 0


def answers_on(probe: Probe, tomcat: ContainerView, host_port: int, path: str = "/") -> Finding:
    """The server of ``tomcat`` answers on this port of the host."""
    ports = [port for port in tomcat.ports_of(HTTP) if port.host_port == host_port]
    if not ports:
        leads = {f"{port.host_port} to {port.container_port}" for port in tomcat.published}
        where = f"on host port {listed(leads)}" if leads else "nowhere"
        return missed(
            f"{tomcat.name} is published {where}",
            f"Host port {host_port} has to lead to {HTTP}, on which Tomcat listens; host port"
            " first.",
            *port_links("missing", tomcat, [host_port]),
            *port_links("other", tomcat, (port.host_port for port in tomcat.published)),
        )
    answer = probe.get_published(
        tomcat, ports, path=path, good=spoke, service_seconds=START_SECONDS
    )
    if spoke(answer):
        answered = met(
            f"{tomcat.name} answers on host port {host_port} ({answer})",
            *port_links("met", tomcat, [host_port]),
        )
        return itself(probe, tomcat, answered)
    return missed(
        f"host port {host_port}: {answer}",
        f"Tomcat takes some seconds to start. See docker logs {tomcat.name}.",
    )
