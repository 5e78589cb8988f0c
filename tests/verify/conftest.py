from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from pathline_gateway.embedded import Machine
from verify.database import fresh_database, machine_running


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_running(tmp_path_factory.mktemp("machine") / "data") as running:
        yield running


@pytest.fixture
async def database(machine: Machine) -> str:
    return await fresh_database(machine)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(database)
    yield connected
    await connected.close()
