"""What one Kafka node is told: its properties, as text, from values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"

PACE: Final = {
    # A group starts at once: tests do not wait for members who might still come.
    "group.initial.rebalance.delay.ms": "0",
    # A mistyped topic is an error, not a new topic.
    "auto.create.topics.enable": "false",
    # A killed broker is noticed within this.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # What a small machine would otherwise prepare for a large one.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "num.partitions": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


@dataclass(frozen=True)
class Node:
    """Where one node listens, and keeps its data."""

    number: int
    client: int
    internal: int
    controller: int
    data: Path

    @property
    def voter(self) -> str:
        """Its place in the quorum."""
        return f"{self.number}@{HOST}:{self.controller}"


def properties(node: Node, nodes: tuple[Node, ...], security: dict[str, str]) -> str:
    """The node's properties file: broker and controller in one process."""
    settings = {**_place(node, nodes), **_copies(len(nodes)), **PACE, **security}
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _place(node: Node, nodes: tuple[Node, ...]) -> dict[str, str]:
    ports = {"CLIENT": node.client, "INTERNAL": node.internal, "CONTROLLER": node.controller}
    listeners = {name: f"{name}://{HOST}:{port}" for name, port in ports.items()}
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "listeners": ",".join(listeners.values()),
        "advertised.listeners": f"{listeners['CLIENT']},{listeners['INTERNAL']}",
        "inter.broker.listener.name": "INTERNAL",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(each.voter for each in nodes),
        "log.dirs": str(node.data),
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }


def _copies(nodes: int) -> dict[str, str]:
    """With three nodes, one may die: what was acknowledged is on two."""
    internal = ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
    least = str(min(2, nodes))
    return {
        **{f"{topic}.replication.factor": str(nodes) for topic in internal},
        "transaction.state.log.min.isr": least,
        "share.coordinator.state.topic.min.isr": least,
        "default.replication.factor": str(nodes),
        "min.insync.replicas": least,
    }
