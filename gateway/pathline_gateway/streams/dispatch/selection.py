"""Selects recipients: which subscriptions want an event and may see it."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice


async def select_recipients(
    index: SubscriptionIndex, visibility: VisibilityCache, rows: Sequence[asyncpg.Record], limit: int | None = None
) -> tuple[list[tuple[Subscription, asyncpg.Record]], int | None]:
    """Each subscription with each event that it receives, in the order of the events.

    Once these are at least `limit`, it stops after the current entry of the change log, and returns that. None: it
    looked at all entries.
    """
    recipients: list[tuple[Subscription, asyncpg.Record]] = []
    slice, last = TimeSlice(), None
    visibility.expect(rows)
    for row in rows:
        if limit is not None and len(recipients) >= limit and row["seq"] != last:
            return recipients, last
        last = row["seq"]
        async for each, as_sent in index.iter_recipients(row, slice):
            if last <= each.start_seq:
                continue
            if as_sent or await visibility.can_see(each, row["pathway"], (row["source"], row["id"])):
                recipients.append((each, row))
    return recipients, None
