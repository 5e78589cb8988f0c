from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pathline_gateway.embedded import Machine
from pathline_services.simulator import Act, simulate_life
from support.brokers.embedded_broker import broker
from support.gateways.routes import GatewayRoutes, routes_on

NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)


@dataclass
class Recorder:
    """A producer that keeps what it is given; it fails as often as it is told to."""

    fails: int = 0
    sent: list[tuple[str, bytes, bytes | None, list[tuple[str, bytes]]]] = field(default_factory=list)

    async def send(self, topic: str, *, key: bytes, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
        if self.fails:
            self.fails -= 1
            raise ConnectionError("the broker is away")
        self.sent.append((topic, key, value, headers))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def five_hundred() -> list[list[Act]]:
    return [simulate_life(7, number, NOW) for number in range(500)]


@pytest.fixture
async def gateway(machine: Machine) -> AsyncIterator[GatewayRoutes]:
    """A gateway without Kafka and without loops."""
    async with routes_on(machine) as made:
        yield made


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """A Tansu broker of this test's own, gone with the test."""
    with broker(tmp_path) as address:
        yield address
