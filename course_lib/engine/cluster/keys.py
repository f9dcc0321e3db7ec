"""Secrets of a swarm: who may call whom, and how it shows that it may.

A join token's secret lets a stranger ask to become a node. Each node then has a secret of its own
for its manager, made from one that only the manager has, so that nothing need be kept for each
node. One further secret is known to all nodes, for links between them, as Docker's nodes share
the keys of their gossip.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.engine.cluster.handshake import Credentials


@dataclass(frozen=True, slots=True)
class ManagerKeys:
    """What a manager knows, in hexadecimal.

    :ivar nodes: from which the secrets of nodes are made. :ivar peers: known to all nodes.
    """

    nodes: str
    peers: str

    @classmethod
    def new(cls) -> ManagerKeys:
        """Of a new swarm; never repeated, whatever seed the engine has."""
        return cls(secrets.token_hex(32), secrets.token_hex(32))

    def of_node(self, node: str) -> str:
        """The secret of one node, in hexadecimal."""
        return hmac.new(bytes.fromhex(self.nodes), node.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """What a node knows: its own secret, and the one of all nodes, in hexadecimal."""

    node: str
    own: str
    peers: str
    cluster: str

    def credentials(self, purpose: str) -> Credentials:
        """What it shows to its ``manager`` or to a ``peer``."""
        if purpose == "manager":
            return Credentials("node", self.node, bytes.fromhex(self.own), self.cluster)
        return Credentials("peer", self.node, bytes.fromhex(self.peers), self.cluster)

    def allowed(self, purpose: str, _: str) -> Sequence[bytes]:
        """Who may call a node: its peers."""
        return [bytes.fromhex(self.peers)] if purpose == "peer" else []

    def to_record(self) -> dict[str, str]:
        """As a JSON record."""
        return {
            "node": self.node, "own": self.own, "peers": self.peers, "cluster": self.cluster
        }  # fmt: skip

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> NodeKeys:
        """Back from a record.

        :raises KeyError, TypeError, ValueError: it is none.
        """
        keys = cls(**{name: str(record[name]) for name in ("node", "own", "peers", "cluster")})
        bytes.fromhex(keys.own + keys.peers)
        return keys
