"""librdkafka's mock cluster as a test's broker: three pretended nodes inside this process."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from confluent_kafka import Producer


class MockCluster:
    """Made by a producer of librdkafka, and gone with it."""

    def __init__(self, nodes: int = 3) -> None:
        self._nodes = nodes
        self.bootstrap = ""

    async def __aenter__(self) -> Self:
        self._host: Producer | None = Producer({"test.mock.num.brokers": self._nodes, "log_level": 0})
        found = self._host.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in found)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._host = None

    def client(self) -> dict[str, Any]:
        """aiokafka's keyword arguments."""
        return {"bootstrap_servers": self.bootstrap}
