"""Keeps the table of hand-offs up to date from the change log, in one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from pathline_gateway.background.isolation import at_fault, in_parts, still_well
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs import side_repository
from pathline_gateway.handoffs.event_reader import read
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.handoffs.side_notices import keep_sides
from pathline_gateway.set_aside import repository as set_aside

WORK: Final = "hand-offs"
_ENTRIES: Final = 2_000
"""Entries of the change log that are looked at in one transaction."""


async def bring_up_to_date(pool: asyncpg.Pool) -> bool:
    """Whether anything was new, and looked at in one transaction; a hand-off that cannot be computed is set aside."""
    async with pool.acquire() as connection, connection.transaction():
        await handoff_repository.lock(connection)
        again = {*await set_aside.due(connection, WORK), *await side_repository.take_to_judge(connection, _ENTRIES)}
        end = await handoff_repository.page_end(connection, _ENTRIES)
        if end is None and not again:
            return False
        if touched := again if end is None else again | await handoff_repository.touched(connection, end):
            await _keep(connection, touched)
        if end is not None:
            await handoff_repository.advance(connection, end)
    return True


async def _keep(connection: asyncpg.Connection, handoffs: Collection[str]) -> None:
    """These are kept as they stand; those that cannot be computed as they stood, known to their own sides alone."""

    async def fold(some: Sequence[str]) -> None:
        found = await read(connection, some)
        await handoff_repository.keep(connection, some, found.records)
        await keep_sides(connection, some, found)

    async def is_well() -> bool | None:
        return await still_well(connection, await handoff_repository.well_before(connection, WORK), fold)

    before = await set_aside.among(connection, WORK, handoffs)
    failed = await at_fault(connection, sorted(set(handoffs) - before), fold, is_well)
    # Each by itself: what failed before would make all others be computed twice.
    for handoff in sorted(before):
        failed |= await in_parts(connection, [handoff], fold)
    await set_aside.release(connection, WORK, before - failed.keys())
    if failed:
        await set_aside.put(connection, WORK, "hand-off", failed)
        await handoff_repository.conceal(connection, failed)


async def records(connection: asyncpg.Connection, handoffs: Collection[str]) -> Sequence[HandoffRow]:
    """These hand-offs as they stand; one of which nothing legal or illegal is left is none."""
    return (await read(connection, handoffs)).records
