from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker import broker
from pathline_gateway.embedded import Machine
from verify.database import fresh_database, machine_running
from who.gateway import Client, gateway, registered


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine_running(tmp_path_factory.mktemp("machine") / "data") as running:
        yield running


@pytest.fixture
async def database(machine: Machine) -> str:
    return await fresh_database(machine)


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """A broker of this test's own: its log can be read again into another database."""
    with broker(tmp_path) as address:
        yield address


@pytest.fixture
async def client(kafka: str, database: str) -> AsyncIterator[Client]:
    """A gateway where nobody signs in, and everybody may link."""
    async with gateway(kafka, database) as running:
        yield running


@pytest.fixture
async def strict(kafka: str, database: str) -> AsyncIterator[Client]:
    """A gateway where who may link is told from who may not; its callers are let in all the same."""
    async with gateway(kafka, await registered(database), auth="on") as running:
        yield running
