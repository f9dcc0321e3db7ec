"""Making sandboxes: the stack, and the files that the host's settings and the user's lead to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from course_lib.engine.errdefs import InvalidParameter
from course_lib.engine.ids import Identities
from course_lib.engine.network import etchosts, resolvconf
from course_lib.engine.network.fabric import Fabric
from course_lib.engine.network.files import NameFiles, NameFolder
from course_lib.engine.network.host import HostStack
from course_lib.engine.network.model import DnsConfig
from course_lib.engine.network.resolver import Resolver
from course_lib.engine.network.sandbox import Sandbox
from course_lib.engine.network.stack import Stack

_KEYS = "/var/run/docker/netns/"


class SandboxFactory:
    """Makes sandboxes.

    :param host_etc: folder with the real host's ``hosts`` and ``resolv.conf``.
    """

    def __init__(
        self,
        ids: Identities,
        host: HostStack,
        fabric: Fabric,
        resolver: Resolver,
        host_etc: Path,
    ) -> None:
        self._ids = ids
        self._host = host
        self._fabric = fabric
        self._resolver = resolver
        self._host_etc = host_etc

    def make(
        self,
        container_id: str,
        mode: str,
        *,
        names: str = "",
        dns: DnsConfig | None = None,
        records: Sequence[etchosts.Record] = (),
        folder: NameFolder | Path | None = None,
    ) -> Sandbox:
        """A sandbox without networks; its files are written once one is joined.

        :param names: the container's own names, for its line in ``hosts``.
        :param records: further lines of ``hosts``.
        """
        sandbox_id = self._ids.new_id()
        is_host = mode == "host"
        host_conf = resolvconf.parse(self._host_file("resolv.conf"))
        conf = resolvconf.override(host_conf, dns or DnsConfig())
        initial = conf if is_host else resolvconf.for_default_bridge(conf)
        files = NameFiles(folder)
        files.set_resolv_conf(initial.text())
        if is_host and not records:
            files.set_hosts(self._host_file("hosts") or etchosts.build())
        else:
            files.set_hosts(etchosts.build(records))
        return Sandbox(
            sandbox_id,
            _KEYS + ("default" if is_host else sandbox_id[:12]),
            container_id,
            self._host if is_host else Stack(),
            self._fabric,
            self._resolver,
            files,
            conf,
            initial.servers,
            names,
        )

    def _host_file(self, name: str) -> str:
        try:
            return (self._host_etc / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def extra_hosts(entries: Iterable[str], host_gateway: str) -> Sequence[etchosts.Record]:
    """``--add-host NAME:ADDRESS`` as lines of ``hosts``.

    :param host_gateway: what the address ``host-gateway`` stands for.
    :raises InvalidParameter: an entry is malformed.
    """
    records = []
    for entry in entries:
        name, colon, address = entry.partition(":")
        if not colon or not name:
            raise InvalidParameter(f'bad format for add-host: "{entry}"')
        records.append((host_gateway if address == "host-gateway" else address, name))
    return records
