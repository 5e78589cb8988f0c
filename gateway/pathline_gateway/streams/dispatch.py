"""Gives new events to the subscriptions that want them: one process at a time, in commit order, each event once.

What is given is numbered in the transaction that looked at it, so a crash gives nothing twice and leaves no gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.background import POLL_S, Loop
from pathline_gateway.store import subscriptions as store
from pathline_gateway.store.connect import UNAVAILABLE
from pathline_gateway.streams.at_hand import AtHand
from pathline_gateway.streams.sight import Sight
from pathline_gateway.streams.subscription_index import SubscriptionIndex
from pathline_gateway.streams.wanting import wanted_of

_log = logging.getLogger(__name__)

_PAUSE_S = 0.04
"""Twenty-five times a second at most: each time costs as much as some hundred events."""
_ENTRIES = 2_000
"""Entries of the change log that are looked at in one transaction."""
_GIVEN = 20_000
"""Events that are given in one transaction, and those of the entry at hand: so long others wait who change a wish."""


class Dispatcher:
    """Runs in every gateway; only one of them hands out at a time."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime],
        on_given: Callable[[Mapping[UUID, int]], None] = lambda _: None,
        *,
        everything: bool,
        at_hand: AtHand | None = None,
    ) -> None:
        """`on_given` is called with the last number of each subscription that was given something, once committed.

        `everything`: auth is off, and who subscribed while it was is given all. `at_hand`: who is told at once what was
        given.
        """
        self._pool, self._clock, self._on_given = pool, clock, on_given
        self._at_hand = at_hand
        self._wake = asyncio.Event()
        self._index = SubscriptionIndex(everything=everything)

    def wake(self) -> None:
        """Something was stored."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Hands out as events come."""
        return Loop("dispatch", self.dispatch_some, POLL_S, self._wake, _PAUSE_S)

    async def dispatch_some(self) -> bool:
        """Whether anything new was looked at, in one transaction."""
        try:
            return await self._told_if_may_be()
        except asyncpg.SerializationError:
            return True  # somebody wants something else since: it is looked at again

    async def _told_if_may_be(self) -> bool:
        try:
            return await self._dispatch(self._at_hand)
        except (asyncpg.SerializationError, *UNAVAILABLE):
            raise
        except Exception as failed:
            if self._at_hand is None:
                raise
            # Whoever cannot be told now is not told when she reads, and is nobody else's trouble.
            _log.error("streams: not told at once, and read later: %s", type(failed).__name__)
            return await self._dispatch(None)

    async def _dispatch(self, at_hand: AtHand | None) -> bool:
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            if not await store.locked(connection):
                return False
            await self._index.refresh(connection)
            page = None if self._index.empty else await store.page(connection, _ENTRIES)
            if page is None:
                return False
            begin, end = page
            rows, now = await store.events(connection, begin, end), self._clock()
            wanted, looked_to = await wanted_of(self._index, Sight(connection, now), rows, _GIVEN)
            numbers = await store.give(
                connection,
                [(each.id, row["source_number"], row["id"]) for each, row in wanted],
                end if looked_to is None else looked_to,
            )
            given = [(each, (number, row)) for (each, row), number in zip(wanted, numbers, strict=True)]
            hands = [] if at_hand is None else await at_hand.told(connection, now, given)
        for hand in hands:
            hand()
        self._on_given({each.id: number for each, (number, _) in given})
        return True
