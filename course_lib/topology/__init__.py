"""A frozen picture of an engine: networks, containers, volumes, and how they are joined.

:func:`snapshot` is the only thing here that talks to an engine; all else is plain data, so that
diagrams and differences can be made, compared and tested without one.
"""

from course_lib.topology.difference import Change, Difference, Kind, What, diff
from course_lib.topology.model import (
    PREDEFINED,
    Container,
    Interface,
    Mode,
    Mount,
    Network,
    PublishedPort,
    StoreKey,
    Subnet,
    Topology,
    Volume,
)
from course_lib.topology.reading import snapshot

__all__ = [
    "PREDEFINED",
    "Change",
    "Container",
    "Difference",
    "Interface",
    "Kind",
    "Mode",
    "Mount",
    "Network",
    "PublishedPort",
    "StoreKey",
    "Subnet",
    "Topology",
    "Volume",
    "What",
    "diff",
    "snapshot",
]
