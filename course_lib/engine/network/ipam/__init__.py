"""Address management: pools and the addresses in them."""

from course_lib.engine.network.ipam.allocator import AddressPool, Allocator

__all__ = ["AddressPool", "Allocator"]
