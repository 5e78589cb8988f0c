from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from set_aside.broken import Started, started
from who.conftest import database, kafka, machine
from who.gateway import Client, gateway

__all__ = ["client", "database", "kafka", "loops", "machine"]


@pytest.fixture
def loops(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Every loop that a gateway starts: each can be made to fail, and none waits long."""
    return started(monkeypatch)


@pytest.fixture
async def client(loops: Started, kafka: str, database: str) -> AsyncIterator[Client]:
    """A gateway whose loops are known."""
    async with gateway(kafka, database) as running:
        # What is due within the hour is over, and was known before: silence can be said at once.
        running.up.settings.now = datetime.now(UTC) + timedelta(hours=2)
        yield running
