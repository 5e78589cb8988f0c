"""Delivers what was held once its pathway is open, before anything that came later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import delivered_repository, held_repository
from pathline_gateway.streams.dispatch.event_rendering import DELIVERY, RenderContext, render_events
from pathline_gateway.streams.dispatch.held_repository import HeldEntry, OwedDelivery
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.selection_by_pathway import WORK, close_pathway, select_or_set_aside
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import dispatch_progress_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.numbering_repository import StoredEvent, assign_numbers
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS, SHARD_COUNT, shard_of
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

_CATCH_UP_PAGE_SIZE: Final = 1_000
"""Of the change log, that a subscription catches up with in one transaction."""


@dataclass
class HeldEventDispatch:
    """The held events, in one transaction of the dispatcher."""

    connection: asyncpg.Connection
    index: SubscriptionIndex
    now: datetime
    secret: bytes | None
    """What makes readers' names; None where nothing is ever told."""
    shards: Sequence[int] = ALL_SHARDS
    """Whose subscriptions are in the index."""
    last_numbers: dict[UUID, int] = field(default_factory=dict)
    """The last number of each subscription that was given something."""
    given_rows: list[asyncpg.Record] = field(default_factory=list)
    """The events that were given, each as often as it was."""
    has_more: bool = False
    """Whether there is more to take up."""

    async def run(self) -> None:
        """What is due was tried again; what is open was given."""
        if 0 in self.shards:  # pathways are nobody's in particular: one shard tries them for all
            await self._retry_pathways(WORK)
            await self._retry_pathways(DELIVERY)
        await self._retry_subscriptions()
        await self._deliver_owed()
        if not self.has_more:  # what was numbered before comes first
            await self._deliver_held()

    async def _retry_pathways(self, work: str) -> None:
        for key in await set_aside.due(self.connection, work):
            if not key.startswith("pathway:"):
                continue
            refs = await held_repository.refs_of_item(self.connection, work, key)
            try:
                async with self.connection.transaction():
                    # While it is set aside each is shown her own alone, and nothing would be computed. A failure rolls
                    # this back.
                    await set_aside.release(self.connection, work, [key])
                    await (self._check_rendering(refs) if work == DELIVERY else self._check_selection(refs))
            except Exception as error:
                if not concerns_record(error):
                    raise
                await set_aside.put(self.connection, work, "pathway", {key: error}, {key: refs})

    async def _check_selection(self, refs: set[int]) -> None:
        rows = await subscription_repository.fetch_events_of(
            self.connection, await held_repository.fetch_held(self.connection, refs)
        )
        await select_recipients(await self._full_index(), VisibilityCache(self.connection, self.now), rows)

    async def _full_index(self) -> SubscriptionIndex:
        """All subscriptions: a pathway is open again when each of them can be asked about it."""
        if len(self.shards) == SHARD_COUNT:
            return self.index
        index = SubscriptionIndex(auth_disabled=self.index.auth_disabled)
        await index.refresh(self.connection)
        await drop_set_aside(self.connection, index)
        return index

    async def _check_rendering(self, refs: set[int]) -> None:
        """The owed events of these can be rendered; the trial leaves nothing."""
        if self.secret is None:
            return
        context = RenderContext(self.connection, self.secret, self.now, strict=True)
        rows = await delivered_repository.fetch_owed(self.connection, refs)
        subscriptions = await subscription_repository.find_many(self.connection, {row["subscription"] for row in rows})
        for row in rows:
            if (subscription := subscriptions.get(row["subscription"])) is not None:
                await render_events(context, subscription, [(row["number"], row)], None, log=False)

    async def _retry_subscriptions(self) -> None:
        for item in await set_aside.due_items(self.connection, WORK, "subscription"):
            id = UUID(item.key.removeprefix("subscription:"))
            if shard_of(id) not in self.shards:
                continue
            subscription = await subscription_repository.find(self.connection, id, None)
            if subscription is None:
                await set_aside.release(self.connection, WORK, [item.key])
                continue
            try:
                async with self.connection.transaction():
                    new_position = await self._catch_up(subscription, item.position or 0)
                    if new_position is None:
                        await set_aside.release(self.connection, WORK, [item.key])
                        self.index.put(self.index.effective(subscription))
                    else:
                        await set_aside.move(self.connection, item.id, new_position)
                        self.has_more = True
            except Exception as error:
                if not concerns_record(error):
                    raise
                await set_aside.put(self.connection, WORK, "subscription", {item.key: error})

    async def _catch_up(self, subscription: Subscription, position: int) -> int | None:
        """It is given what it missed; up to which entry. None: it has missed nothing more."""
        shard = shard_of(subscription.id)
        end = await dispatch_progress_repository.catch_up_end(self.connection, shard, position, _CATCH_UP_PAGE_SIZE)
        if end is None:
            return None
        single_index, blocked = (
            SubscriptionIndex([self.index.effective(subscription)]),
            await held_repository.blocked_pathways(self.connection, [shard]),
        )
        rows = await subscription_repository.fetch_events(self.connection, position, end)
        await held_repository.insert_owed(
            self.connection, owed_rows(subscription.id, [row for row in rows if row["pathway"] in blocked])
        )
        deliverable = [row for row in rows if row["pathway"] not in blocked]
        recipients, _ = await select_recipients(single_index, VisibilityCache(self.connection, self.now), deliverable)
        await self._give(recipients.rows)
        return end

    async def _deliver_owed(self) -> None:
        owed = await held_repository.fetch_owed(self.connection, self.shards)
        if not owed:
            return
        entries = {(each.ref, each.batch, 0) for each in owed if each.batch is not None}
        rows = await subscription_repository.fetch_events_of(self.connection, list(entries))
        subscriptions = await subscription_repository.find_many(self.connection, {each.subscription for each in owed})
        row_by_event = {(row["source_number"], row["id"]): row for row in rows}
        visibility = VisibilityCache(self.connection, self.now)
        accepted, decided = [], []
        for each in owed:
            try:
                async with self.connection.transaction():
                    subscription = subscriptions.get(each.subscription)
                    is_wanted = await self._is_wanted(visibility, subscription, each, row_by_event)
            except Exception as error:
                row = row_by_event.get((each.source, each.id))
                if row is None or not concerns_record(error):
                    raise
                await close_pathway(self.connection, WORK, row["pathway"], error)
                continue
            decided.append(each)
            if is_wanted:
                accepted.append(each)
        events: dict[UUID, list[StoredEvent]] = {}
        for each in accepted:
            events.setdefault(each.subscription, []).append((each.source, each.id))
        self.last_numbers |= await assign_numbers(self.connection, events)
        given_rows = (row_by_event.get((each.source, each.id)) for each in accepted)
        self.given_rows += [row for row in given_rows if row is not None]
        await held_repository.delete_owed(self.connection, decided)
        self.has_more |= len(owed) == held_repository.BATCH_SIZE

    async def _is_wanted(
        self,
        visibility: VisibilityCache,
        subscription: Subscription | None,
        owed: OwedDelivery,
        row_by_event: dict[StoredEvent, asyncpg.Record],
    ) -> bool:
        if subscription is None or owed.notice:
            return subscription is not None
        row = row_by_event.get((owed.source, owed.id))
        if row is None:
            return False
        for found, as_sent in SubscriptionIndex([self.index.effective(subscription)]).iter_matches(row):
            for each in found:
                if as_sent or await visibility.can_see(each, row["pathway"], (row["source"], row["id"])):
                    return True
        return False

    async def _deliver_held(self) -> None:
        holders = await held_repository.fetch_releasable(self.connection, self.shards)
        if not holders:
            return
        entries = list(holders)
        rows = await subscription_repository.fetch_events_of(self.connection, entries)
        selection = await select_or_set_aside(self.connection, self.index, self.now, rows)
        # Another shard may have been given an entry before, when another process led it.
        await self._give(
            {
                id: [row for row in of_one if shard_of(id) in holders[HeldEntry(row["ref"], row["batch"], row["seq"])]]
                for id, of_one in selection.recipients.rows.items()
            }
        )
        still_held = {
            HeldEntry(row["ref"], row["batch"], row["seq"])
            for row in rows
            if row["pathway"] in selection.failed_pathways
        }
        released = [each for each in entries if each not in still_held]
        await held_repository.delete_held(self.connection, self.shards, released)
        await set_aside_subscriptions(self.connection, selection.failing_filters, entries[0].seq - 1)
        self.has_more |= len(entries) == held_repository.BATCH_SIZE

    async def _give(self, rows: Mapping[UUID, Sequence[asyncpg.Record]]) -> None:
        events = {id: [(row["source_number"], row["id"]) for row in of_one] for id, of_one in rows.items()}
        self.last_numbers |= await assign_numbers(self.connection, events)
        self.given_rows += chain.from_iterable(rows.values())


async def drop_set_aside(connection: asyncpg.Connection, index: SubscriptionIndex) -> None:
    """Whoever is set aside is looked up no more."""
    for key in await set_aside.keys(connection, WORK, "subscription"):
        index.drop(UUID(key.removeprefix("subscription:")))


async def set_aside_subscriptions(
    connection: asyncpg.Connection, filters: dict[UUID, Exception], position: int
) -> None:
    """These subscriptions are given nothing until their filters can be asked; then all that they missed since."""
    errors = {f"subscription:{id}": why for id, why in filters.items()}
    await set_aside.put(connection, WORK, "subscription", errors, position=position)


def owed_rows(subscription: UUID, rows: Sequence[asyncpg.Record]) -> list[tuple[UUID, int, str, int, bool]]:
    """These events, as they are owed to one subscription."""
    return [(subscription, row["source_number"], row["id"], row["ref"], False) for row in rows]
