"""Selects recipients: which subscriptions want an event and may see it."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice


async def select_recipients(
    index: SubscriptionIndex, sight: VisibilityCache, rows: Sequence[asyncpg.Record], most: int | None = None
) -> tuple[list[tuple[Subscription, asyncpg.Record]], int | None]:
    """Each subscription with each event that it is given, in the order of the events.

    Once these are at least `most`, it ends with the entry of the change log at hand, which is told, too. None: all
    entries were looked at.
    """
    found: list[tuple[Subscription, asyncpg.Record]] = []
    slice, last = TimeSlice(), None
    sight.expect(rows)
    for row in rows:
        if most is not None and len(found) >= most and row["seq"] != last:
            return found, last
        last = row["seq"]
        async for each, as_sent in index.wanting(row, slice):
            if last <= each.from_seq:
                continue
            if as_sent or await sight.sees(each, row["pathway"], (row["source"], row["id"])):
                found.append((each, row))
    return found, None
