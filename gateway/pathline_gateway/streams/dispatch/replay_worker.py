"""Delivers stored events again, as a further series of a subscription."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.background.loop import Loop
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import held_repository, replay_repository
from pathline_gateway.streams.dispatch.held_events import owed_of
from pathline_gateway.streams.dispatch.isolation import Recipients, isolated
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

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
            replay = await replay_repository.take(connection)
            found = None if replay is None else await subscription_repository.one(connection, replay.subscription, None)
            if replay is None or found is None:
                return False
            end = await replay_repository.page_end(connection, replay, _ENTRIES)
            rows = await subscription_repository.events(connection, replay.looked_to, end)
            wanted = await self._wanted(connection, found.seeing(self._everything), rows)
            if wanted is None:
                return True
            events = [(row["source_number"], row["id"]) for _, row in wanted]
            left_out = await replay_repository.earlier(connection, replay, events)
            numbers = await subscription_repository.number(
                connection, [(found.id, *event) for event in events if event not in left_out]
            )
            await replay_repository.looked(connection, replay, end)
        self._on_given({replay.subscription: numbers[-1]} if numbers else {})
        return True

    async def _wanted(
        self, connection: asyncpg.Connection, series: Subscription, rows: Sequence[asyncpg.Record]
    ) -> Recipients | None:
        """What it is given of these; what is of closed pathways is owed to it. None where it is set aside itself."""
        key, now = f"subscription:{series.id}", self._clock()
        blocked = await held_repository.blocked_pathways(connection)
        fit = [row for row in rows if row["pathway"] not in blocked]
        try:
            async with connection.transaction():
                wanted, _ = await select_recipients(SubscriptionIndex([series]), VisibilityCache(connection, now), fit)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            found = await isolated(connection, SubscriptionIndex([series]), now, fit)
            if found.filters:
                await set_aside.put(connection, WORK, "subscription", {key: failed})
                return None
            wanted, blocked = found.wanted, blocked | found.pathways
        await held_repository.owe(connection, owed_of(series.id, [row for row in rows if row["pathway"] in blocked]))
        await set_aside.release(connection, WORK, [key])
        return wanted
