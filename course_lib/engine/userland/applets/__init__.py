"""The programs of a container, found by name and imported by family when first used.

A program is an :data:`~course_lib.engine.interfaces.Applet`: ``async def cat(proc) -> int``.
To add one, write it in a family module and put its name in a table below. A name in a table
works for its usual options; what cannot be done is not listed and so is ``not found``.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from course_lib.engine.interfaces import Applet

_BUSYBOX: dict[str, str] = {
    "arp": "net_config:arp",
    "arping": "net_sockets:arping",
    "[": "testing:bracket",
    "[[": "testing:bracket",
    "ash": "course_lib.engine.userland.shell.main:sh",
    "cat": "files:cat",
    "echo": "printing:echo",
    "false": "system:false",
    "hostname": "net_config:hostname",
    "httpd": "course_lib.engine.userland.servers.httpd:httpd",
    "ifconfig": "net_config:ifconfig",
    "ip": "net_ip:ip",
    "kill": "signalling:kill",
    "nc": "net_sockets:nc",
    "netstat": "net_config:netstat",
    "nslookup": "net_dns:nslookup",
    "ping": "net_ping:ping",
    "route": "net_config:route",
    "printf": "printing:printf",
    "sh": "course_lib.engine.userland.shell.main:sh",
    "sleep": "system:sleep",
    "telnet": "net_sockets:telnet",
    "traceroute": "net_sockets:traceroute",
    "test": "testing:test",
    "true": "system:true",
    "wget": "net_wget:wget",
}
"""Applets of BusyBox: name -> ``module:function``, the module below this package.

Images based on BusyBox have a link for each of them.
"""

_PROGRAMS: dict[str, str] = {
    "apk": "net_apk:apk",
    "bash": "course_lib.engine.userland.shell.main:bash",
    "busybox": "busybox:busybox",
    "catalina": "course_lib.engine.userland.servers.tomcat:catalina",
    "curl": "net_curl:curl",
    "dig": "net_dns:dig",
    "drill": "net_dns:drill",
    "envsubst": "course_lib.engine.userland.servers.nginx.envsubst:envsubst",
    "elasticsearch": "course_lib.engine.userland.servers.elasticsearch:elasticsearch",
    "getent": "net_dns:getent",
    "host": "net_dns:host",
    "ip-iproute2": "net_ip:ip_iproute2",
    "nginx": "course_lib.engine.userland.servers.nginx.program:nginx",
    "ping-iputils": "net_ping:ping_iputils",
    "redis-cli": "course_lib.engine.userland.servers.redis.cli:redis_cli",
    "redis-server-2.8": "course_lib.engine.userland.servers.redis.program:redis_server_2_8",
    "redis-server-3.0": "course_lib.engine.userland.servers.redis.program:redis_server_3_0",
    "redis-server-7.4": "course_lib.engine.userland.servers.redis.program:redis_server_7_4",
    "trainingwheels-python": "course_lib.engine.userland.servers.trainingwheels:python3",
}
"""Programs that are files of their own, in the images that bring them."""


def find(name: str) -> Applet | None:
    """The program called ``name``, or None; imports its family."""
    entry = _BUSYBOX.get(name) or _PROGRAMS.get(name)
    if entry is None:
        return None
    module, _, function = entry.partition(":")
    full = module if module.startswith("course_lib.") else f"{__name__}.{module}"
    return cast("Applet", getattr(import_module(full), function))


def names() -> list[str]:
    """Names of all BusyBox applets, sorted: what an image links to ``/bin/busybox``."""
    return sorted(_BUSYBOX)
