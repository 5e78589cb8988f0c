from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from broker import broker
from verify.conftest import database
from who.gateway import Client, gateway, registered

__all__ = ["client", "database", "kafka", "strict"]


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
