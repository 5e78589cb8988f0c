"""Selects recipients: which subscriptions want an event and may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions.numbering_repository import StoredEvent
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice


@dataclass(slots=True)
class Selection:
    """Which subscriptions receive which events, each in the order of the events."""

    subscriptions: dict[UUID, Subscription] = field(default_factory=dict)
    rows: dict[UUID, list[asyncpg.Record]] = field(default_factory=dict)
    count: int = 0
    """Deliveries of all subscriptions."""

    def add(self, subscription: Subscription, row: asyncpg.Record) -> None:
        """It receives this event next."""
        if (rows := self.rows.get(subscription.id)) is None:
            self.subscriptions[subscription.id] = subscription
            rows = self.rows[subscription.id] = []
        rows.append(row)
        self.count += 1

    def stored_events(self) -> dict[UUID, list[StoredEvent]]:
        """The same, as they are numbered."""
        return {id: [(row["source_number"], row["id"]) for row in rows] for id, rows in self.rows.items()}


async def select_recipients(
    index: SubscriptionIndex, visibility: VisibilityCache, rows: Sequence[asyncpg.Record], limit: int | None = None
) -> tuple[Selection, int | None]:
    """Each subscription with the events that it receives.

    Once these are at least `limit`, it stops after the current entry of the change log, and returns that. None: it
    looked at all entries.
    """
    selection = Selection()
    slice, last = TimeSlice(), None
    visibility.expect(rows)
    for row in rows:
        if limit is not None and selection.count >= limit and row["seq"] != last:
            return selection, last
        last = row["seq"]
        for found, as_sent in index.iter_matches(row):
            if slice.is_spent:
                await slice.renew()
            for each in found:
                if last <= each.start_seq:
                    continue
                if as_sent or await visibility.can_see(each, row["pathway"], (row["source"], row["id"])):
                    selection.add(each, row)
    return selection, None
