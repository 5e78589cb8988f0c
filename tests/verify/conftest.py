from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from pathline_gateway.embedded import Machine
from verify.database import fresh_database


@pytest.fixture
async def database(machine: Machine) -> str:
    return await fresh_database(machine)


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(database)
    yield connected
    await connected.close()
