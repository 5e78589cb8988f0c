"""Hand-offs that were redeemed become links: derived anew whenever an event of theirs comes, is voided or corrected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.event_repository import HandoffLinkRow
from pathline_gateway.handoffs.token_redemption import redemptions
from pathline_gateway.pathways.amendments import amended


async def rederive(connection: asyncpg.Connection, inputs: Sequence[asyncpg.Record]) -> set[int]:
    """The links of every hand-off that these inputs are about; the refs that it changed anything for."""
    named = {row["handoff"] for row in inputs if row["handoff"] is not None}
    # Of an amendment its target's; of any other event its own, too: a correction of it may have come first.
    named |= await event_repository.of_targets(connection, [(row["source"], row["id"]) for row in inputs])
    handoffs = await event_repository.redeemed(connection, named) if named else set()
    if not handoffs:
        return set()
    before, after = await event_repository.derived(connection, handoffs), await derive(connection, handoffs)
    if before == after:
        return set()
    await event_repository.replace(connection, handoffs, after)
    return {ref for row in before ^ after for ref in (row.a, row.b)}


async def derive(connection: asyncpg.Connection, handoffs: Collection[str]) -> set[HandoffLinkRow]:
    """The links that these hand-offs come to."""
    # Who shows a token may be anybody: that she is on the pathway follows from it.
    steps, amendments, rows = await event_repository.events(connection, handoffs, of_anybody=True)
    refs = {(row["org"], row["subject"]): row["ref"] for row in rows.values()}
    by_handoff: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    for step in amended(steps, amendments):
        event = handoff_event(step)
        if event is not None and event.handoff is not None and event.handoff in handoffs:
            by_handoff[event.handoff].append(event)
    return {
        HandoffLinkRow(
            handoff, rows[r.source, r.id]["source_number"], r.id, refs[r.offered], refs[r.shown], r.at, r.late
        )
        for handoff, found in by_handoff.items()
        for r in redemptions(handoff, found)
    }
