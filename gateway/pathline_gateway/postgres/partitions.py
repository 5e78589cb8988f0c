"""Monthly partitions of `interaction`, made before they are needed."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from pathline_gateway.postgres import advisory_locks
from pathline_gateway.postgres.advisory_locks import AdvisoryLock

_AHEAD_MONTHS = 2
_MAKE = "select make_interaction_partition($1, $2, $3)"


def _month_start(year: int, month: int, months_ahead: int) -> datetime:
    index = year * 12 + month - 1 + months_ahead
    return datetime(index // 12, index % 12 + 1, 1, tzinfo=UTC)


async def ensure_partitions(connection: asyncpg.Connection) -> None:
    """There is a partition for this month (by the database's clock) and the two after it."""
    async with connection.transaction():
        await advisory_locks.lock_for_transaction(connection, AdvisoryLock.PARTITIONS)
        now: datetime = (await connection.fetchval("select now()")).astimezone(UTC)
        for months_ahead in range(_AHEAD_MONTHS + 1):
            start, end = (_month_start(now.year, now.month, months_ahead + i) for i in range(2))
            await connection.execute(_MAKE, f"interaction_{start:%Y_%m}", start, end)
