"""Links of redeemed hand-offs, against those that their events come to."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity.handoff_link_derivation import derive_handoff_links
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check

_BATCH_SIZE = 200
"""Hand-offs that are looked at together."""


async def check_handoff_links(connection: asyncpg.Connection, check: Check) -> None:
    """Every hand-off of which a token was shown is derived again."""
    async for page in scans.pages(connection, scans.HANDOFFS, _BATCH_SIZE):
        handoff_ids = [row["handoff"] for row in page]
        try:
            await _compare(connection, handoff_ids, check)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            for handoff in handoff_ids:
                await _compare_one(connection, handoff, check)
    async for row in scans.stream(connection, scans.ORPHAN_HANDOFF_LINKS):
        check.record_difference(row["ref"])


async def _compare(connection: asyncpg.Connection, handoff_ids: Sequence[str], check: Check) -> None:
    stored, recomputed = (
        await event_repository.derived_links(connection, handoff_ids),
        await derive_handoff_links(connection, handoff_ids),
    )
    for row in stored | recomputed:
        check.record(row in stored and row in recomputed, row.ref_a)


async def _compare_one(connection: asyncpg.Connection, handoff: str, check: Check) -> None:
    """As above; a hand-off that cannot be computed counts as different if anything is kept of it."""
    try:
        await _compare(connection, [handoff], check)
    except Exception as failed:
        if not concerns_record(failed):
            raise
        refs = [row.ref_a for row in await event_repository.derived_links(connection, [handoff])]
        check.record(False, refs[0] if refs else None)
