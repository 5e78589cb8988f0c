"""Hand-offs are kept as they stand: brought up to date from the change log, by one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from pathline_gateway.handoff.reading import read
from pathline_gateway.handoff.record import HandoffRecord
from pathline_gateway.handoff.sides import keep_sides
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.isolation import at_fault, in_parts, still_well
from pathline_gateway.store import handoff_records as store
from pathline_gateway.store import handoff_sides

WORK: Final = "hand-offs"
_ENTRIES: Final = 2_000
"""Entries of the change log that are looked at in one transaction."""


async def bring_up_to_date(pool: asyncpg.Pool) -> bool:
    """Whether anything was new, and looked at in one transaction; a hand-off that cannot be computed is set aside."""
    async with pool.acquire() as connection, connection.transaction():
        await store.lock(connection)
        again = {*await set_aside.due(connection, WORK), *await handoff_sides.take_to_judge(connection, _ENTRIES)}
        end = await store.page_end(connection, _ENTRIES)
        if end is None and not again:
            return False
        if touched := again if end is None else again | await store.touched(connection, end):
            await _keep(connection, touched)
        if end is not None:
            await store.advance(connection, end)
    return True


async def _keep(connection: asyncpg.Connection, handoffs: Collection[str]) -> None:
    """These are kept as they stand; those that cannot be computed as they stood, known to their own sides alone."""

    async def fold(some: Sequence[str]) -> None:
        found = await read(connection, some)
        await store.keep(connection, some, found.records)
        await keep_sides(connection, some, found)

    async def is_well() -> bool | None:
        return await still_well(connection, await store.well_before(connection, WORK), fold)

    before = await set_aside.among(connection, WORK, handoffs)
    failed = await at_fault(connection, sorted(set(handoffs) - before), fold, is_well)
    # Each by itself: what failed before would make all others be computed twice.
    for handoff in sorted(before):
        failed |= await in_parts(connection, [handoff], fold)
    await set_aside.release(connection, WORK, before - failed.keys())
    if failed:
        await set_aside.put(connection, WORK, "hand-off", failed)
        await store.conceal(connection, failed)


async def records(connection: asyncpg.Connection, handoffs: Collection[str]) -> Sequence[HandoffRecord]:
    """These hand-offs as they stand; one of which nothing legal or illegal is left is none."""
    return (await read(connection, handoffs)).records
