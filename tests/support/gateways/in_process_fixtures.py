"""Gateways in the process of a test, each with a broker and a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support.brokers.embedded_broker import broker
from support.gateways.in_process import Client, gateway, registered


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
