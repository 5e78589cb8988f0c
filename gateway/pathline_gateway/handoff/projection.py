"""Hand-offs are kept as they stand: brought up to date from the change log, by one process at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final

import asyncpg

from pathline_gateway.assemble.amendments import amended
from pathline_gateway.handoff.event import HandoffEvent, handoff_event
from pathline_gateway.handoff.lifecycle import lifecycle
from pathline_gateway.handoff.record import HandoffRecord, Received, record
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.isolation import at_fault, in_parts, still_well
from pathline_gateway.store import handoff_links
from pathline_gateway.store import handoff_records as store

WORK: Final = "hand-offs"
_ENTRIES: Final = 2_000
"""Entries of the change log that are looked at in one transaction."""


async def bring_up_to_date(pool: asyncpg.Pool) -> bool:
    """Whether anything was new, and looked at in one transaction; a hand-off that cannot be computed is set aside."""
    async with pool.acquire() as connection, connection.transaction():
        await store.lock(connection)
        again = set(await set_aside.due(connection, WORK))
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
        await store.keep(connection, some, await records(connection, some))

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


async def records(connection: asyncpg.Connection, handoffs: Collection[str]) -> list[HandoffRecord]:
    """These hand-offs as they stand; one of which nothing legal or illegal is left is none."""
    steps, amendments, rows = await handoff_links.events(connection, handoffs)
    by_handoff: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    for step in amended(steps, amendments):
        event = handoff_event(step)
        if event is not None and event.handoff is not None and event.handoff in handoffs:
            by_handoff[event.handoff].append(event)
    lives = [lifecycle(handoff, found) for handoff, found in by_handoff.items()]

    def received(event: HandoffEvent) -> Received:
        row = rows[event.source, event.id]
        return Received(row["received_at"], row["ref"], row["trace_id"], row["span_id"])

    wanted = [
        (life.handoff, received(life.offer).ref, life.to, life.offer.time)
        for life in lives
        if life.offer is not None and life.to is not None
    ]
    met = await store.met(connection, wanted) if wanted else {}
    return [record(life, met.get(life.handoff, ()), received) for life in lives]
