"""Delivers what was held once its pathway is open, before anything that came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import delivered_repository, held_repository
from pathline_gateway.streams.dispatch.event_rendering import DELIVERY, RenderContext, render_events
from pathline_gateway.streams.dispatch.held_repository import HeldEntry, Owed
from pathline_gateway.streams.dispatch.isolation import WORK, closed, isolated
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from pathline_gateway.time_slice import TimeSlice

_ENTRIES: Final = 1_000
"""Of the change log, that a subscription catches up with in one transaction."""


@dataclass
class TakingUp:
    """What is held back, in one transaction of who hands out."""

    connection: asyncpg.Connection
    index: SubscriptionIndex
    now: datetime
    secret: bytes | None
    """What makes readers' names; None where nothing is ever told."""
    numbers: dict[UUID, int] = field(default_factory=dict)
    """The last number of each subscription that was given something."""
    more: bool = False
    """Whether there is more to take up."""

    async def all(self) -> None:
        """What is due was tried again; what is open was given."""
        await self._try_pathways(WORK)
        await self._try_pathways(DELIVERY)
        await self._try_subscriptions()
        await self._give_owed()
        if not self.more:  # what was numbered before comes first
            await self._give_held()

    async def _try_pathways(self, work: str) -> None:
        for key in await set_aside.due(self.connection, work):
            if not key.startswith("pathway:"):
                continue
            refs = await held_repository.refs_of_item(self.connection, work, key)
            try:
                async with self.connection.transaction():
                    # While it is set aside each is shown her own alone, and nothing would be computed.
                    await set_aside.forget(self.connection, work, key)
                    await (self._tell(refs) if work == DELIVERY else self._look(refs))
            except Exception as failed:
                if not concerns_record(failed):
                    raise
                await set_aside.put(self.connection, work, "pathway", {key: failed}, {key: refs})

    async def _look(self, refs: set[int]) -> None:
        rows = await subscription_repository.events_of(
            self.connection, await held_repository.held_of(self.connection, refs)
        )
        await select_recipients(self.index, VisibilityCache(self.connection, self.now), rows)

    async def _tell(self, refs: set[int]) -> None:
        """What is owed of these can be told; nothing of that is kept."""
        if self.secret is None:
            return
        moment = RenderContext(self.connection, self.secret, self.now, strict=True)
        rows = await delivered_repository.owed(self.connection, refs)
        known = await subscription_repository.several(self.connection, {row["subscription"] for row in rows})
        for row in rows:
            if (found := known.get(row["subscription"])) is not None:
                await render_events(moment, found, [(row["number"], row)], None, log=False)

    async def _try_subscriptions(self) -> None:
        for item in await set_aside.due_items(self.connection, WORK, "subscription"):
            id = UUID(item.key.removeprefix("subscription:"))
            found = await subscription_repository.one(self.connection, id, None)
            if found is None:
                await set_aside.release(self.connection, WORK, [item.key])
                continue
            try:
                async with self.connection.transaction():
                    caught_up = await self._catch_up(found, item.position or 0)
                    if caught_up is None:
                        await set_aside.release(self.connection, WORK, [item.key])
                        self.index.put(self.index.seeing(found))
                    else:
                        await set_aside.move(self.connection, item.id, caught_up)
                        self.more = True
            except Exception as failed:
                if not concerns_record(failed):
                    raise
                await set_aside.put(self.connection, WORK, "subscription", {item.key: failed})

    async def _catch_up(self, found: Subscription, position: int) -> int | None:
        """It is given what it missed; up to which entry. None: it has missed nothing more."""
        end = await subscription_repository.passed_end(self.connection, position, _ENTRIES)
        if end is None:
            return None
        alone, blocked = (
            SubscriptionIndex([self.index.seeing(found)]),
            await held_repository.blocked_pathways(self.connection),
        )
        rows = await subscription_repository.events(self.connection, position, end)
        await held_repository.owe(
            self.connection, owed_of(found.id, [row for row in rows if row["pathway"] in blocked])
        )
        fit = [row for row in rows if row["pathway"] not in blocked]
        wanted, _ = await select_recipients(alone, VisibilityCache(self.connection, self.now), fit)
        await self._number([(each.id, row["source_number"], row["id"]) for each, row in wanted])
        return end

    async def _give_owed(self) -> None:
        owed = await held_repository.owed(self.connection)
        if not owed:
            return
        entries = {(each.ref, each.batch, 0) for each in owed if each.batch is not None}
        rows = await subscription_repository.events_of(self.connection, list(entries))
        known = await subscription_repository.several(self.connection, {each.subscription for each in owed})
        events = {(row["source_number"], row["id"]): row for row in rows}
        sight = VisibilityCache(self.connection, self.now)
        wanted, judged = [], []
        for each in owed:
            try:
                async with self.connection.transaction():
                    wants = await self._is_wanted(sight, known.get(each.subscription), each, events)
            except Exception as failed:
                row = events.get((each.source, each.id))
                if row is None or not concerns_record(failed):
                    raise
                await closed(self.connection, WORK, row["pathway"], failed)
                continue
            judged.append(each)
            if wants:
                wanted.append(each)
        await self._number([(each.subscription, each.source, each.id) for each in wanted])
        await held_repository.paid(self.connection, judged)
        self.more |= len(owed) == held_repository.SLICE

    async def _is_wanted(
        self,
        sight: VisibilityCache,
        subscription: Subscription | None,
        owed: Owed,
        events: dict[tuple[int, str], asyncpg.Record],
    ) -> bool:
        if subscription is None or owed.notice:
            return subscription is not None
        row = events.get((owed.source, owed.id))
        if row is None:
            return False
        async for each, as_sent in SubscriptionIndex([self.index.seeing(subscription)]).wanting(row, TimeSlice()):
            if as_sent or await sight.sees(each, row["pathway"], (row["source"], row["id"])):
                return True
        return False

    async def _give_held(self) -> None:
        entries = await held_repository.opened(self.connection)
        if not entries:
            return
        rows = await subscription_repository.events_of(self.connection, entries)
        found = await isolated(self.connection, self.index, self.now, rows)
        await self._number([(each.id, row["source_number"], row["id"]) for each, row in found.wanted])
        still = {HeldEntry(row["ref"], row["batch"], row["seq"]) for row in rows if row["pathway"] in found.pathways}
        await held_repository.given(self.connection, [each for each in entries if each not in still])
        await aside(self.connection, found.filters, entries[0].seq - 1)
        self.more |= len(entries) == held_repository.SLICE

    async def _number(self, events: Sequence[tuple[UUID, int, str]]) -> None:
        numbers = await subscription_repository.number(self.connection, events)
        self.numbers |= {id: number for (id, _, _), number in zip(events, numbers, strict=True)}


async def aside(connection: asyncpg.Connection, filters: dict[UUID, Exception], position: int) -> None:
    """These subscriptions are given nothing until their filters can be asked; then all that they missed since."""
    failed = {f"subscription:{id}": why for id, why in filters.items()}
    await set_aside.put(connection, WORK, "subscription", failed, position=position)


def owed_of(subscription: UUID, rows: Sequence[asyncpg.Record]) -> list[tuple[UUID, int, str, int, bool]]:
    """These events, as they are owed to one subscription."""
    return [(subscription, row["source_number"], row["id"], row["ref"], False) for row in rows]
