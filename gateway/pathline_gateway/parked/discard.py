"""Parked records that nobody will mend are put aside: they count no longer, and their bytes stay."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from pathline_gateway.intake import parked_repository
from pathline_gateway.postgres import change_log


async def discard(connection: asyncpg.Connection, ids: Collection[int], by: str, because: str) -> set[int]:
    """Discards those of these that were parked, and keeps who did it, when and why."""
    async with connection.transaction():
        discarded_ids = await parked_repository.discard(connection, ids, by, because)
        if discarded_ids:
            await change_log.lock(connection)  # totals move in this order everywhere
            await change_log.append(connection, (), 0, "interaction", {"parked": -len(discarded_ids)})
    return discarded_ids
