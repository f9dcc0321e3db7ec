"""IPv4 addresses as integers, and the hardware addresses that follow from them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from random import Random

ALL_ONES = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Subnet:
    """An IPv4 block. ``base`` is its first address."""

    base: int
    prefix: int

    @property
    def mask(self) -> int:
        return (ALL_ONES << (32 - self.prefix)) & ALL_ONES

    @property
    def size(self) -> int:
        return 1 << (32 - self.prefix)

    @property
    def broadcast(self) -> int:
        return self.base + self.size - 1

    def __contains__(self, address: object) -> bool:
        return isinstance(address, int) and self.base <= address < self.base + self.size

    def overlaps(self, other: Subnet) -> bool:
        """Whether the two share an address."""
        return self.base in other or other.base in self

    def contains_subnet(self, other: Subnet) -> bool:
        """Whether all of ``other`` lies within this block."""
        return self.prefix <= other.prefix and other.base in self

    def __str__(self) -> str:
        return f"{to_text(self.base)}/{self.prefix}"


def to_int(text: str) -> int:
    """A dotted quad as an integer.

    :raises ValueError: the text is not one.
    """
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET, text), "big")
    except OSError:
        raise ValueError(f"not an IPv4 address: {text}") from None


def to_text(address: int) -> str:
    """An integer as a dotted quad."""
    return socket.inet_ntop(socket.AF_INET, address.to_bytes(4, "big"))


def is_ipv6(text: str) -> bool:
    """Whether the text is an IPv6 address."""
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return False
    return True


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address."""
    try:
        to_int(text)
    except ValueError:
        return is_ipv6(text)
    return True


def parse_subnet(text: str) -> Subnet:
    """A CIDR block with the host bits cut off.

    :raises ValueError: the text is not an IPv4 block.
    """
    address, _, length = text.partition("/")
    if not (length.isascii() and length.isdecimal()) or not 0 <= int(length) <= 32:
        raise ValueError(f"not a CIDR block: {text}")
    prefix = int(length)
    mask = (ALL_ONES << (32 - prefix)) & ALL_ONES
    return Subnet(to_int(address) & mask, prefix)


def mac_of_address(address: int) -> str:
    """The hardware address that libnetwork derives from an IPv4 address: ``02:42:`` + its bytes."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + address.to_bytes(4, "big"))


def random_mac(rng: Random) -> str:
    """A random ``02:42:…`` address, as libnetwork gives its bridges."""
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + rng.getrandbits(32).to_bytes(4, "big"))
