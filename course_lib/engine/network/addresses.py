"""Addresses as integers, and the hardware addresses that follow from them.

An IPv6 address is its number plus :data:`V6`, so that one table holds addresses of both kinds.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from random import Random

ALL_ONES = 0xFFFFFFFF
V6 = 1 << 128
LINK_LOCAL6 = V6 | 0xFE80 << 112
"""``fe80::``."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A block of addresses. ``base`` is its first one."""

    base: int
    prefix: int

    @property
    def is_ipv6(self) -> bool:
        return self.base >= V6

    @property
    def size(self) -> int:
        return 1 << ((128 if self.is_ipv6 else 32) - self.prefix)

    @property
    def broadcast(self) -> int:
        return self.base + self.size - 1

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.base <= address < self.base + self.size

    def overlaps(self, other: Subnet) -> bool:
        """Whether the two share an address."""
        return self.base in other or other.base in self

    def __str__(self) -> str:
        return f"{to_text(self.base)}/{self.prefix}"


LINK_LOCAL4 = Subnet(0xA9FE0000, 16)
"""169.254.0.0/16."""


def to_int(text: str) -> int:
    """An address as an integer.

    :raises ValueError: the text is not one.
    """
    try:
        if ":" in text:
            return V6 | int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except OSError:
        raise ValueError(f"not an address: {text}") from None


def to_text(address: int) -> str:
    """An integer as a dotted quad, or as colons and groups where it is one of IPv6."""
    if address >= V6:
        return socket.inet_ntop(socket.AF_INET6, (address - V6).to_bytes(16, "big"))
    return socket.inet_ntop(socket.AF_INET, address.to_bytes(4, "big"))


def is_ipv6(text: str) -> bool:
    """Whether the text is an IPv6 address."""
    return ":" in text and is_address(text)


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        to_int(text)
    except ValueError:
        return False
    return True


def is_loopback(text: str) -> bool:
    """Whether the text is an address of the loopback interface."""
    return text == "::1" or (text.startswith("127.") and is_address(text))


def parse_subnet(text: str) -> Subnet:
    """A CIDR block with the host bits cut off.

    :raises ValueError: the text is not a block.
    """
    address, _, length = text.partition("/")
    bits = 128 if ":" in address else 32
    if not (length.isascii() and length.isdecimal()) or not 0 <= int(length) <= bits:
        raise ValueError(f"not a CIDR block: {text}")
    number, prefix = to_int(address), int(length)
    return Subnet(number >> (bits - prefix) << (bits - prefix), prefix)


def mac_of_address(address: int) -> str:
    """The hardware address that libnetwork derives from an IPv4 address: ``02:42:`` + its bytes."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + address.to_bytes(4, "big"))


def link_local_of_mac(mac: str) -> int:
    """The ``fe80::`` address that an interface gives itself (RFC 4291, modified EUI-64)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    identifier = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return LINK_LOCAL6 | int.from_bytes(identifier, "big")


def random_mac(rng: Random) -> str:
    """A random ``02:42:…`` address, as libnetwork gives its bridges."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + rng.getrandbits(32).to_bytes(4, "big"))
