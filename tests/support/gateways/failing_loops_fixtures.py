"""A gateway each of whose loops can be made to fail."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from pathline_gateway.embedded import Machine
from pathline_gateway.organisations import repository as organisation_repository
from support.brokers.embedded_broker import broker
from support.gateways.failing_loops import LoopControl, control_loops
from support.gateways.in_process import Client, gateway, registered
from support.postgres.fresh_database import fresh_database

_LINKER = "insert into linker (org, of_org, entered_by) values ($1, $2, 'test') on conflict do nothing"


@pytest.fixture(scope="module")
def loops() -> LoopControl:
    """Every loop that the gateway of a module starts: each can be made to fail."""
    return LoopControl()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(
    loops: LoopControl, machine: Machine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Client]:
    """A gateway whose loops are known, and whose readers are told apart; its callers are let in all the same."""
    database = await registered(await fresh_database(machine))
    connection = await asyncpg.connect(database)
    await organisation_repository.add_organisations(connection, ("housing", "reader"))
    for org in ("east", "west"):
        await connection.executemany(_LINKER, [("registry", of) for of in (org, "reader")])
    await connection.close()
    with pytest.MonkeyPatch.context() as patch, broker(tmp_path_factory.mktemp("broker")) as kafka:
        patch.setenv("PATHLINE_SINKS_PRIVATE", "true")
        control_loops(loops, patch)
        async with gateway(kafka, database, auth="on") as running:
            # What is due within the hour is over, and was known before: silence can be said at once.
            running.up.settings.now = datetime.now(UTC) + timedelta(hours=2)
            yield running
