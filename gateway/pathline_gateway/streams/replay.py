"""Gives further series of subscriptions what was stored once, looked at again: filters, and what may be seen now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background import Loop
from pathline_gateway.store import replays
from pathline_gateway.store import subscriptions as store
from pathline_gateway.streams.sight import Sight
from pathline_gateway.streams.subscription_index import SubscriptionIndex
from pathline_gateway.streams.wanting import wanted_of

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
        return Loop("replays", self.replay_some, _LOOK_EVERY_S)

    async def replay_some(self) -> bool:
        """Whether anything was looked at, in one transaction."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            replay = await replays.take(connection)
            found = None if replay is None else await store.one(connection, replay.subscription, None)
            if replay is None or found is None:
                return False
            end = await replays.page_end(connection, replay, _ENTRIES)
            rows = await store.events(connection, replay.looked_to, end)
            index = SubscriptionIndex([found.seeing(self._everything)])
            wanted, _ = await wanted_of(index, Sight(connection, self._clock()), rows)
            events = [(row["source_number"], row["id"]) for _, row in wanted]
            left_out = await replays.earlier(connection, replay, events)
            numbers = await store.number(connection, [(found.id, *event) for event in events if event not in left_out])
            await replays.looked(connection, replay, end)
        self._on_given({replay.subscription: numbers[-1]} if numbers else {})
        return True
