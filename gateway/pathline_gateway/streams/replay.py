"""Gives further series of subscriptions what was stored once, looked at again: filters, and what may be seen now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background import Loop
from pathline_gateway.set_aside import held_repository as held
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.set_aside.faults import concerns_record
from pathline_gateway.store import replays
from pathline_gateway.store import subscriptions as store
from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.streams.isolating import Recipients, isolated
from pathline_gateway.streams.sight import Sight
from pathline_gateway.streams.subscription_index import SubscriptionIndex
from pathline_gateway.streams.taking_up import owed_of
from pathline_gateway.streams.wanting import wanted_of

WORK: Final = "replays"
_ENTRIES: Final = 1_000
"""Of the change log, in one transaction."""
_LOOK_EVERY_S: Final = 0.5


class Replayer:
    """Runs in every gateway; each series is one's in each transaction."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime],
        on_given: Callable[[Mapping[UUID, int]], None] = lambda _: None,
        *,
        everything: bool,
    ) -> None:
        """As the dispatcher's."""
        self._pool, self._clock, self._on_given, self._everything = pool, clock, on_given, everything

    @property
    def loop(self) -> Loop:
        """Gives what is asked for."""
        return Loop(WORK, self.replay_some, _LOOK_EVERY_S)

    async def replay_some(self) -> bool:
        """Whether anything was looked at, in one transaction."""
        try:
            return await self._replay()
        except asyncpg.SerializationError:
            return True  # somebody changed what was looked at: it is looked at again

    async def _replay(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            replay = await replays.take(connection)
            found = None if replay is None else await store.one(connection, replay.subscription, None)
            if replay is None or found is None:
                return False
            end = await replays.page_end(connection, replay, _ENTRIES)
            rows = await store.events(connection, replay.looked_to, end)
            wanted = await self._wanted(connection, found.seeing(self._everything), rows)
            if wanted is None:
                return True
            events = [(row["source_number"], row["id"]) for _, row in wanted]
            left_out = await replays.earlier(connection, replay, events)
            numbers = await store.number(connection, [(found.id, *event) for event in events if event not in left_out])
            await replays.looked(connection, replay, end)
        self._on_given({replay.subscription: numbers[-1]} if numbers else {})
        return True

    async def _wanted(
        self, connection: asyncpg.Connection, series: Subscription, rows: Sequence[asyncpg.Record]
    ) -> Recipients | None:
        """What it is given of these; what is of closed pathways is owed to it. None where it is set aside itself."""
        key, now = f"subscription:{series.id}", self._clock()
        blocked = await held.blocked_pathways(connection)
        fit = [row for row in rows if row["pathway"] not in blocked]
        try:
            async with connection.transaction():
                wanted, _ = await wanted_of(SubscriptionIndex([series]), Sight(connection, now), fit)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            found = await isolated(connection, SubscriptionIndex([series]), now, fit)
            if found.filters:
                await set_aside.put(connection, WORK, "subscription", {key: failed})
                return None
            wanted, blocked = found.wanted, blocked | found.pathways
        await held.owe(connection, owed_of(series.id, [row for row in rows if row["pathway"] in blocked]))
        await set_aside.release(connection, WORK, [key])
        return wanted
