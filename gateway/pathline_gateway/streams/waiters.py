"""Who waits for events of which subscription, in this process; and what wakes them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from pathline_gateway.store import subscriptions as store

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.25
"""How much later what another process gave is noticed."""


class Waiters:
    """One for all streams of a process: a look at Postgres each would cost more than the events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: defaultdict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._seen: dict[UUID, int] = {}
        self.ended = False
        """No stream begins or goes on: the process stops."""

    @contextmanager
    def waiting(self, subscription: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the subscription was given something, as long as the block lasts."""
        woken = asyncio.Event()
        self._waiting[subscription].add(woken)
        try:
            yield woken
        finally:
            self._waiting[subscription].discard(woken)
            if not self._waiting[subscription]:
                del self._waiting[subscription]
                self._seen.pop(subscription, None)

    def given(self, subscriptions: Collection[UUID]) -> None:
        """These were given something."""
        for subscription in subscriptions:
            for woken in self._waiting.get(subscription, ()):
                woken.set()

    def end(self) -> None:
        """Everybody goes home."""
        self.ended = True
        self.given(list(self._waiting))

    async def run(self) -> None:
        """Notices what other processes gave, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            if not self._waiting:
                continue
            try:
                async with self._pool.acquire() as connection:
                    now = await store.last_numbers(connection, list(self._waiting))
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
                _log.info("streams: not looked at this time: %s", type(failed).__name__)
                continue
            # One that is gone, too: its streams find that out.
            changed = {id for id in self._waiting if self._seen.get(id) != now.get(id)}
            self._seen = now
            self.given(changed)
