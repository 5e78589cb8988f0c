"""Partitions of `interaction`, a year of receipt each, made before they are needed."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_MAKE = "select make_interaction_partition($1)"


async def ensure_partitions(connection: asyncpg.Connection) -> None:
    """There is a partition for this year (by the database's clock) and for the next."""
    async with connection.transaction():
        await advisory_locks.lock_for_transaction(connection, AdvisoryLock.PARTITIONS)
        now: datetime = (await connection.fetchval("select now()")).astimezone(UTC)
        for year in (now.year, now.year + 1):
            await connection.execute(_MAKE, year)
