"""Gives new events to the subscriptions that want them: one process at a time, in commit order, each event once.

What is given is numbered in the transaction that looked at it, so a crash gives nothing twice and leaves no gap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.background import as_it_comes
from pathline_gateway.store import subscriptions as store
from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.streams.matching import Matching
from pathline_gateway.streams.sight import Sight
from pathline_gateway.streams.wanting import wanted_of

_ENTRIES = 2_000
"""Entries of the change log that are looked at in one transaction."""


@dataclass(frozen=True, slots=True)
class _Everyone:
    """All subscriptions, as of one version."""

    version: int
    matching: Matching[Subscription]
    empty: bool


class Dispatcher:
    """Runs in every gateway; only one of them hands out at a time."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime],
        on_given: Callable[[Collection[UUID]], None] = lambda _: None,
        *,
        everything: bool,
    ) -> None:
        """`on_given` is called with the subscriptions that were given something, once that is committed.

        `everything`: auth is off, and who subscribed while it was is given all.
        """
        self._pool, self._clock, self._on_given, self._everything = pool, clock, on_given, everything
        self._wake = asyncio.Event()
        self._known = _Everyone(-1, Matching[Subscription](()), empty=True)

    def wake(self) -> None:
        """Something was stored."""
        self._wake.set()

    async def run(self) -> None:
        """Hands out as events come, until cancelled."""
        await as_it_comes("streams", self._wake, self.dispatch_some)

    async def dispatch_some(self) -> bool:
        """Whether anything new was looked at, in one transaction."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            if not await store.locked(connection):
                return False
            everyone = await self._everyone(connection)
            page = None if everyone.empty else await store.page(connection, _ENTRIES)
            if page is None:
                return False
            begin, end = page
            rows = await store.events(connection, begin, end)
            wanted = await wanted_of(everyone.matching, Sight(connection, self._clock()), rows)
            given = [(each.id, row["source_number"], row["id"]) for each, row in wanted]
            await store.give(connection, given, end)
        self._on_given({subscription for subscription, _, _ in given})
        return True

    async def _everyone(self, connection: asyncpg.Connection) -> _Everyone:
        """Who wants what, in this transaction: read again only where somebody wants something else."""
        version = await store.version(connection)
        if version != self._known.version:
            found = [each.seeing(self._everything) for each in await store.everyone(connection)]
            matching = Matching((each, each.filters) for each in found)
            self._known = _Everyone(version, matching, empty=not found)
        return self._known
