"""Selects the recipients of new events and numbers each delivery: one process at a time, in commit order.

What is given is numbered in the transaction that looked at it, so a crash gives nothing twice and leaves no gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record, reason_of
from pathline_gateway.background.loop import POLL_S, Loop
from pathline_gateway.identity import evidence_backlog
from pathline_gateway.identity.evidence_backlog import Ends
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.streams.dispatch.event_rendering import DELIVERY
from pathline_gateway.streams.dispatch.held_events import TakingUp, aside
from pathline_gateway.streams.dispatch.held_repository import HeldEntry
from pathline_gateway.streams.dispatch.isolation import WORK, isolated
from pathline_gateway.streams.dispatch.push import PushDispatcher
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

_log = logging.getLogger(__name__)

_PAUSE_S = 0.04
"""Twenty-five times a second at most: each time costs as much as some hundred events."""
_ENTRIES = 2_000
"""Entries of the change log that are looked at in one transaction."""
_BEFORE = 50
"""Entries before a page, of which some are looked at again where every pathway of the page fails."""
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
        at_hand: PushDispatcher | None = None,
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
        return Loop(WORK, self.dispatch_some, POLL_S, self._wake, _PAUSE_S)

    async def dispatch_some(self) -> bool:
        """Whether anything new was looked at, or taken up that was held back; each in one transaction."""
        failed: Exception | None = None
        taken_up = False
        try:
            try:
                taken_up = await self._taken_up()
            except Exception as why:
                if not concerns_record(why):
                    raise
                failed = why  # what is new is given all the same
            given = await self._given()
        except asyncpg.SerializationError:
            return True  # somebody wants something else since: it is looked at again
        if failed is not None:
            raise failed
        return given or taken_up

    async def _given(self) -> bool:
        try:
            return await self._dispatch(self._at_hand)
        except Exception as failed:
            if not concerns_record(failed):
                raise
            # Whoever cannot be told now reads it later, and a pathway that cannot be computed is set aside: each by
            # itself, which is no work for every time.
            _log.error("streams: a page is looked at pathway by pathway: %s", reason_of(failed))
            return await self._dispatch(None, apart=True)

    async def _taken_up(self) -> bool:
        async with self._pool.acquire() as connection:
            if not await held_repository.anything(connection, WORK, DELIVERY):
                return False
            async with connection.transaction(isolation="repeatable_read"):
                if not await subscription_repository.locked(connection):
                    return False
                await self._refresh(connection)
                secret = None if self._at_hand is None else self._at_hand.secret
                found = TakingUp(connection, self._index, self._clock(), secret)
                await found.all()
        self._on_given(found.numbers)
        return found.more

    async def _refresh(self, connection: asyncpg.Connection) -> None:
        """Who wants what, in this transaction; less those whose filters cannot be asked."""
        unfit = await self._index.refresh(connection)
        await aside(connection, unfit, await subscription_repository.looked_to(connection))
        for key in await set_aside.keys(connection, WORK, "subscription"):
            self._index.drop(UUID(key.removeprefix("subscription:")))

    async def _dispatch(self, at_hand: PushDispatcher | None, *, apart: bool = False) -> bool:
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            if not await subscription_repository.locked(connection):
                return False
            await self._refresh(connection)
            page = None if self._index.empty else await subscription_repository.page(connection, _ENTRIES)
            if page is None:
                return False
            begin, end = page
            rows, now = await subscription_repository.events(connection, begin, end), self._clock()
            blocked, evidence = await _blocked(connection, rows)
            fit = [row for row in rows if row["pathway"] not in blocked] if blocked else rows
            if apart:
                before = await subscription_repository.events(connection, max(0, begin - _BEFORE), begin)
                wanted, looked_to, failed, filters = await isolated(connection, self._index, now, fit, before, _GIVEN)
                await aside(connection, filters, begin)
                blocked |= failed
            else:
                wanted, looked_to = await select_recipients(self._index, VisibilityCache(connection, now), fit, _GIVEN)
            last = end if looked_to is None else looked_to
            await held_repository.hold(connection, _entries(rows, blocked, last), evidence)
            numbers = await subscription_repository.give(
                connection, [(each.id, row["source_number"], row["id"]) for each, row in wanted], last
            )
            given = [(each, (number, row)) for (each, row), number in zip(wanted, numbers, strict=True)]
            hands = [] if at_hand is None else await at_hand.told(connection, now, given)
        for hand in hands:
            hand()
        self._on_given({each.id: number for each, (number, _) in given})
        return True


async def _blocked(connection: asyncpg.Connection, rows: Sequence[asyncpg.Record]) -> tuple[set[UUID], Ends]:
    """Pathways of which nothing is given now, and which evidence has to be bound before it is.

    Evidence that was stored with these events or before them says who may see them: an answer to a hand-off comes under
    a record that the token which it shows joins to the pathway, and whoever asked must be given it.
    """
    blocked = await held_repository.blocked_pathways(connection)
    waiting = await evidence_backlog.concerned(connection, rows)
    if waiting is None:
        return blocked, held_repository.NO_EVIDENCE
    pathways, ends = waiting
    return blocked | pathways, ends


def _entries(rows: Sequence[asyncpg.Record], blocked: Collection[UUID], last: int) -> set[HeldEntry]:
    """Those of blocked pathways, up to this entry."""
    if not blocked:
        return set()
    return {
        HeldEntry(row["ref"], row["batch"], row["seq"])
        for row in rows
        if row["pathway"] in blocked and row["seq"] <= last
    }
