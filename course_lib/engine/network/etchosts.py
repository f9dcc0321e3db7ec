"""Content of a container's ``/etc/hosts`` and ``/etc/hostname`` (libnetwork: ``etchosts``)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

_DEFAULT = (
    ("127.0.0.1", "localhost"),
    ("::1", "localhost ip6-localhost ip6-loopback"),
    ("fe00::0", "ip6-localnet"),
    ("ff00::0", "ip6-mcastprefix"),
    ("ff02::1", "ip6-allnodes"),
    ("ff02::2", "ip6-allrouters"),
)

Record = tuple[str, str]
"""(address, names separated by blanks)."""


def build(extra: Iterable[Record] = ()) -> str:
    """The file as a container starts with it: the usual names, then ``extra``."""
    return "".join(_line(record) for record in (*_DEFAULT, *extra))


def add(content: str, records: Iterable[Record]) -> str:
    """Append lines."""
    return content + "".join(_line(record) for record in records)


def remove_names(content: str, stale: Callable[[str], bool]) -> str:
    """Drop the lines whose names are stale, whatever the address.

    That is how libnetwork cleans up when a container leaves a network: it may take away a line
    of another network that has the same host name.
    """
    kept = []
    for line in content.splitlines(keepends=True):
        _, tab, hosts = line.rstrip("\n").partition("\t")
        if not tab or not stale(hosts):
            kept.append(line)
    return "".join(kept)


def move(content: str, name: str, address: str) -> str:
    """Another address for the lines whose first name it is (libnetwork: ``etchosts.Update``)."""
    pattern = rf"^\S*(\t{re.escape(name)}(?=[\s.]))"
    return re.sub(pattern, rf"{address}\1", content, flags=re.M)


def own_names(hostname: str, domainname: str) -> str:
    """The names of a container in its own line: full name and bare host name."""
    full = f"{hostname}.{domainname}" if domainname else hostname
    bare, dot, _ = full.partition(".")
    return f"{full} {bare}" if dot else full


def _line(record: Record) -> str:
    address, names = record
    return f"{address}\t{names}\n"
