"""Who waits for events of which subscription, in this process; and what wakes them."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from pathline_gateway.store import subscriptions as store

_log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.25
"""How much later what another process gave is noticed."""


@dataclass(eq=False, slots=True)
class Waiter:
    """One stream."""

    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever its subscription was given something."""
    read_to: int = -1
    """The last number that it has; it has none yet."""


class Waiters:
    """One for all streams of a process: a look at Postgres each would cost more than the events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: defaultdict[UUID, set[Waiter]] = defaultdict(set)
        self.ended = False
        """No stream begins or goes on: the process stops."""

    @contextmanager
    def waiting(self, subscription: UUID) -> Iterator[Waiter]:
        """One that waits for what this subscription is given, as long as the block lasts."""
        waiter = Waiter()
        self._waiting[subscription].add(waiter)
        try:
            yield waiter
        finally:
            self._waiting[subscription].discard(waiter)
            if not self._waiting[subscription]:
                del self._waiting[subscription]

    def given(self, subscriptions: Collection[UUID]) -> None:
        """These were given something."""
        for subscription in subscriptions:
            for waiter in self._waiting.get(subscription, ()):
                waiter.woken.set()

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
            for id, waiters in self._waiting.items():
                for waiter in waiters:
                    # One that is gone or paused, too: its streams find that out.
                    if id not in now or waiter.read_to < now[id]:
                        waiter.woken.set()
