"""Texts of an engine in a form that can be compared with those of another one."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

_ADDRESS = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_BLOCK = re.compile(_ADDRESS.pattern + r"/\d+")
_MAC = re.compile(r"\b02:42((?::[0-9a-f]{2}){4})\b")
_REVERSED = re.compile(r"((?:\d{1,3}\.){4})in-addr\.arpa")
_HEX = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b")
_REST = (
    (r"sha256:[0-9a-f]{64}", "sha256:ID"),
    (r"\d+\.\d+/\d+\.\d+/\d+\.\d+ ms", "RTT"),
    (r"time=\d+\.\d+ ms", "DELAY"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"Less than a second|About an? \w+|\d+ (second|minute)s?", "DURATION"),
    (r"eth(\d+)@if\d+", r"eth\1@peer"),
    (r"(?m)^\d+: ", "N: "),
    (r"process \d+", "process N"),
    (r"Network is unreachable", "Network unreachable"),  # glibc and musl
    (r" state (UP|UNKNOWN)", ""),  # newer releases of BusyBox do not say
)


class Texts:
    """The names under which both engines' things are the same: IDs, addresses."""

    def __init__(self) -> None:
        self._labels: dict[str, str] = {}
        self._subnets: dict[IPv4Network, str] = {}

    def learn(self, identity: str, label: str) -> None:
        """From now on that ID is shown as ``label``."""
        self._labels[identity] = label

    def learn_network(self, network: dict[str, Any], label: str) -> None:
        for row in network["IPAM"]["Config"] or ():
            if ":" not in row["Subnet"]:
                self._subnets[IPv4Network(ip_network(row["Subnet"]))] = label

    def normal(self, text: str) -> str:
        """A text without what differs from engine to engine and run to run."""
        text = _HEX.sub(self._identity, text)
        text = _MAC.sub(self._mac, text)
        text = _REVERSED.sub(lambda found: f"reversed({_turned(found[1])})", text)
        text = _BLOCK.sub(lambda found: self._block(found[0]), text)
        text = _ADDRESS.sub(lambda found: self._address(found[0]), text)
        for pattern, word in _REST:
            text = re.sub(pattern, word, text)
        return re.sub(r"[ \t]+", " ", text)

    def _identity(self, found: re.Match[str]) -> str:
        for identity, label in self._labels.items():
            if identity.startswith(found[0]):
                return f"<{label}:{len(found[0])}>"
        return f"ID{len(found[0])}"

    def _mac(self, found: re.Match[str]) -> str:
        address = ".".join(str(int(part, 16)) for part in found[1][1:].split(":"))
        return f"mac({address})"

    def _block(self, text: str) -> str:
        """``ADDRESS/LENGTH``; how large a pool was free depends on what else the engine has."""
        address, _, length = text.partition("/")
        for subnet in self._subnets:
            if ip_address(address) in subnet and int(length) == subnet.prefixlen in (16, 20):
                return f"{address}/pool"
        return text

    def _address(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:
            return text
        for subnet, label in self._subnets.items():
            if address in subnet:
                offset = int(address) - int(subnet.network_address)
                known = label != "bridge" or offset <= 1  # others have addresses there, too
                if address == subnet.broadcast_address:
                    return f"{label}+last"
                return f"{label}+{offset if known else '?'}"
        return text


def _turned(text: str) -> str:
    return ".".join(reversed(text.strip(".").split(".")))


_OF_A_NETWORK = re.compile(
    r"network \S+ not found|private \(none\) mode|invalid endpoint settings:|Address already in use"
)
SOME_NETWORK = "a network is missing or refuses the container"


def some_network(text: str) -> str:
    """An error of a start on several networks, without the one that is to blame.

    dockerd joins them in the order of a Go map (Moby: ``allocateNetwork``), the default bridge
    alone before all others: where several are missing or refuse the container, any of them may be
    the first, and its kind of error is what is told. With one network besides the default bridge
    there is one answer, which is compared as it is.
    """
    return SOME_NETWORK if _OF_A_NETWORK.search(text) else text
