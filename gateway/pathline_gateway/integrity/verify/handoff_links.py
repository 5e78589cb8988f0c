"""Links of redeemed hand-offs, against those that their events come to."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.handoffs import event_repository
from pathline_gateway.identity.handoff_link_derivation import derive
from pathline_gateway.integrity.verify import scans
from pathline_gateway.integrity.verify.check import Check

_PAGE = 200
"""Hand-offs that are looked at together."""


async def handoffs(connection: asyncpg.Connection, check: Check) -> None:
    """Every hand-off of which a token was shown is derived again."""
    async for page in scans.pages(connection, scans.HANDOFFS, _PAGE):
        named = [row["handoff"] for row in page]
        try:
            await _compare(connection, named, check)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            for handoff in named:
                await _alone(connection, handoff, check)
    async for row in scans.stream(connection, scans.STRAY_HANDOFF_LINKS):
        check.differ(row["ref"])


async def _compare(connection: asyncpg.Connection, named: Sequence[str], check: Check) -> None:
    kept, again = await event_repository.derived(connection, named), await derive(connection, named)
    for row in kept | again:
        check.see(row in kept and row in again, row.a)


async def _alone(connection: asyncpg.Connection, handoff: str, check: Check) -> None:
    """As above; where it cannot be computed, that is told of what is kept of it."""
    try:
        await _compare(connection, [handoff], check)
    except Exception as failed:
        if not concerns_record(failed):
            raise
        refs = [row.a for row in await event_repository.derived(connection, [handoff])]
        check.see(False, refs[0] if refs else None)
