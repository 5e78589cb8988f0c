"""Selects recipients: which subscriptions want an event and may see it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
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

    def add(self, subscriptions: Iterable[Subscription], row: asyncpg.Record) -> None:
        """These receive this event next, if it was stored since they were made."""
        all_rows, seq = self.rows, row["seq"]
        for each in subscriptions:
            if seq <= each.start_seq:
                continue
            if (rows := all_rows.get(each.id)) is None:
                self.subscriptions[each.id] = each
                rows = all_rows[each.id] = []
            rows.append(row)
            self.count += 1

    def all_rows(self) -> Iterator[asyncpg.Record]:
        """Each event, as often as it is received."""
        return chain.from_iterable(self.rows.values())

    def stored_events(self) -> dict[UUID, Sequence[StoredEvent]]:
        """The same, as they are numbered: one list for all subscriptions that receive the same."""
        lists: dict[tuple[int, ...], list[StoredEvent]] = {}
        events: dict[UUID, Sequence[StoredEvent]] = {}
        for id_, rows in self.rows.items():
            key = tuple(map(id, rows))
            if (of_one := lists.get(key)) is None:
                of_one = lists[key] = [(row["source_number"], row["id"]) for row in rows]
            events[id_] = of_one
        return events


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
            if as_sent:
                selection.add(found, row)
                continue
            for each in found:
                if last > each.start_seq and await visibility.can_see(each, row["pathway"], (row["source"], row["id"])):
                    selection.add((each,), row)
    return selection, None
