"""Links of redeemed hand-offs, against those that their events come to."""

from __future__ import annotations

import asyncpg

from pathline_gateway.identity.redeemed import derive
from pathline_gateway.store import handoff_links, stored
from pathline_gateway.verify.check import Check

_PAGE = 200
"""Hand-offs that are looked at together."""


async def handoffs(connection: asyncpg.Connection, check: Check) -> None:
    """Every hand-off of which a token was shown is derived again."""
    async for page in stored.pages(connection, stored.HANDOFFS, _PAGE):
        named = [row["handoff"] for row in page]
        kept, again = await handoff_links.derived(connection, named), await derive(connection, named)
        for row in kept | again:
            check.see(row in kept and row in again, row.a)
    async for row in stored.stream(connection, stored.STRAY_HANDOFF_LINKS):
        check.differ(row["ref"])
