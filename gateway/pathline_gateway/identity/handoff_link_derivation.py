"""Hand-offs that were redeemed become links: derived anew whenever an event of theirs comes, is voided or corrected."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from pathline_gateway.handoffs import event_repository
from pathline_gateway.handoffs.event_repository import HandoffLinkRow
from pathline_gateway.handoffs.lifecycle import group_by_handoff
from pathline_gateway.handoffs.token_redemption import find_redemptions
from pathline_gateway.pathways.amendments import apply_amendments


async def refresh_handoff_links(connection: asyncpg.Connection, inputs: Sequence[asyncpg.Record]) -> set[int]:
    """The links of every hand-off that these inputs are about; the refs that it changed anything for."""
    handoff_ids = {row["handoff"] for row in inputs if row["handoff"] is not None}
    # Of an amendment its target's; of any other event its own, too: a correction of it may have come first.
    handoff_ids |= await event_repository.handoffs_of_events(connection, [(row["source"], row["id"]) for row in inputs])
    redeemed_handoffs = await event_repository.redeemed_handoffs(connection, handoff_ids) if handoff_ids else set()
    if not redeemed_handoffs:
        return set()
    before, after = (
        await event_repository.derived_links(connection, redeemed_handoffs),
        await derive_handoff_links(connection, redeemed_handoffs),
    )
    if before == after:
        return set()
    await event_repository.replace_links(connection, redeemed_handoffs, after)
    return {ref for row in before ^ after for ref in (row.ref_a, row.ref_b)}


async def derive_handoff_links(connection: asyncpg.Connection, handoffs: Collection[str]) -> set[HandoffLinkRow]:
    """The links that these hand-offs come to."""
    # Who shows a token may be anybody: that she is on the pathway follows from it.
    steps, amendments, rows = await event_repository.load_events(connection, handoffs, include_disregarded=True)
    refs = {(row["org"], row["subject"]): row["ref"] for row in rows.values()}
    by_handoff = group_by_handoff(apply_amendments(steps, amendments), handoffs)
    return {
        HandoffLinkRow(
            handoff,
            rows[redemption.source, redemption.id]["source_number"],
            redemption.id,
            refs[redemption.offer_subject],
            refs[redemption.redeeming_subject],
            redemption.at,
            redemption.needs_review,
        )
        for handoff, handoff_steps in by_handoff.items()
        for redemption in find_redemptions(handoff, [each.event for each in handoff_steps])
    }
