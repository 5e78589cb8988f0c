"""What tests of the gateway may ask for, whichever folder they are in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from pathline_gateway.embedded import Machine
from support.brokers.tansu import Tansu
from support.gateways.routes import GatewayRoutes, routes_on
from support.postgres.fresh_database import fresh_database


@pytest.fixture
async def database(machine: Machine) -> str:
    """The address of a database of the test's own: migrated, with nothing in it."""
    return await fresh_database(machine)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(database)
    yield connected
    await connected.close()


@pytest.fixture
async def gateway(machine: Machine) -> AsyncIterator[GatewayRoutes]:
    async with routes_on(machine) as made:
        yield made


@pytest.fixture(params=["tansu", "apache"])
async def bootstrap(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """A broker's address: of one whose log is in memory, and of one that means it."""
    if request.param == "apache":
        yield request.getfixturevalue("kafka").bootstrap
    else:
        async with Tansu(tmp_path) as tansu:
            yield tansu.bootstrap
