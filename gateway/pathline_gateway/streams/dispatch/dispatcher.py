"""Selects the recipients of new events and numbers each delivery: of each shard one process at a time, in commit order.

It numbers each delivery in the transaction that looked at the event. So a crash delivers nothing twice and leaves no
gap. Shards that stand at the same entry are looked at together: a page is read once for all that a process leads.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record, error_reason
from pathline_gateway.background.leadership import Leadership, SoleProcess
from pathline_gateway.background.supervisor import POLL_S, Loop
from pathline_gateway.identity import evidence_backlog
from pathline_gateway.identity.evidence_backlog import EvidenceEnds
from pathline_gateway.log_cause import because
from pathline_gateway.streams.dispatch import held_repository
from pathline_gateway.streams.dispatch.delivery_spans import record_dispatch
from pathline_gateway.streams.dispatch.event_rendering import DELIVERY
from pathline_gateway.streams.dispatch.held_events import HeldEventDispatch, drop_set_aside, set_aside_subscriptions
from pathline_gateway.streams.dispatch.held_repository import HeldEntry
from pathline_gateway.streams.dispatch.push import PushDispatcher
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.selection_by_pathway import WORK, select_or_set_aside
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import dispatch_progress_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.dispatch_progress_repository import works_of
from pathline_gateway.streams.subscriptions.numbering_repository import assign_numbers
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS, shard_of
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

_log = logging.getLogger(__name__)

_MIN_INTERVAL_S = 0.04
"""Twenty-five times a second at most: each time costs as much as some hundred events."""
_PAGE_SIZE = 2_000
"""Entries of the change log that are looked at in one transaction."""
_CONTROL_ENTRIES = 50
"""Entries before a page, of which some are looked at again where every pathway of the page fails."""
_MAX_DELIVERIES = 20_000
"""Deliveries of one transaction, besides those of the last entry: so long others wait who change a subscription."""


class Dispatcher:
    """Runs in every gateway, for the shards that it leads."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime],
        on_delivered: Callable[[Mapping[UUID, int]], None] = lambda _: None,
        *,
        auth_disabled: bool,
        push_dispatcher: PushDispatcher | None = None,
        leadership: Leadership | None = None,
    ) -> None:
        """`on_delivered` is called with the last number of each subscription that received something, once committed.

        `auth_disabled`: auth is off, and who subscribed while it was receives everything. `push_dispatcher`: pushes new
        deliveries at once. `leadership`: which shards are this process's; all, where nothing is said.
        """
        self._pool, self._clock, self._on_delivered = pool, clock, on_delivered
        self._push_dispatcher, self._auth_disabled = push_dispatcher, auth_disabled
        self._leadership: Leadership = leadership or SoleProcess()
        self._wake = asyncio.Event()
        self._shards: tuple[int, ...] = ()
        self._index = SubscriptionIndex()

    def wake(self) -> None:
        """There may be new events."""
        self._wake.set()

    @property
    def loop(self) -> Loop:
        """Dispatches as events come."""
        return Loop(WORK, self.dispatch_some, POLL_S, self._wake, _MIN_INTERVAL_S)

    async def dispatch_some(self) -> bool:
        """Whether anything new was looked at, or taken up that was held back; each in one transaction."""
        self._choose_shards()
        if not self._shards:
            return False
        error: Exception | None = None
        delivered_held = False
        try:
            try:
                delivered_held = await self._dispatch_held()
            except Exception as exc:
                if not concerns_record(exc):
                    raise
                error = exc  # what is new is given all the same
            delivered_new = await self._dispatch_new()
        except asyncpg.SerializationError:
            return True  # somebody wants something else since: it is looked at again
        if error is not None:
            raise error
        return delivered_new or delivered_held

    def _choose_shards(self) -> None:
        led = self._leadership.led(works_of(ALL_SHARDS))
        shards = tuple(shard for shard, work in zip(ALL_SHARDS, works_of(ALL_SHARDS), strict=True) if work in led)
        if shards != self._shards:
            self._shards = shards
            self._index = SubscriptionIndex(auth_disabled=self._auth_disabled, shards=shards)

    async def _may_write(self, connection: asyncpg.Connection) -> bool:
        """Whether nobody else dispatches these shards until this transaction ends, and they are led by this process."""
        return await dispatch_progress_repository.try_lock(connection, self._shards) and await self._leadership.confirm(
            connection, works_of(self._shards)
        )

    async def _dispatch_new(self) -> bool:
        try:
            return await self._dispatch(self._push_dispatcher)
        except Exception as error:
            if not concerns_record(error):
                raise
            # Whoever cannot be told now reads it later, and a pathway that cannot be computed is set aside: each by
            # itself, which is no work for every time.
            _log.error(
                "a page is looked at pathway by pathway: %s", error_reason(error), extra=because(error_reason(error))
            )
            return await self._dispatch(None, by_pathway=True)

    async def _dispatch_held(self) -> bool:
        started_at = time.time_ns()
        async with self._pool.acquire() as connection:
            if not await held_repository.has_work(connection, self._shards, WORK, DELIVERY):
                return False
            async with connection.transaction(isolation="repeatable_read"):
                if not await self._may_write(connection):
                    return False
                await self._refresh(connection)
                secret = None if self._push_dispatcher is None else self._push_dispatcher.secret
                held_delivery = HeldEventDispatch(connection, self._index, self._clock(), secret, self._shards)
                await held_delivery.run()
        if held_delivery.last_numbers:
            record_dispatch(started_at, held_delivery.given_rows)
        self._on_delivered(held_delivery.last_numbers)
        return held_delivery.has_more

    async def _refresh(self, connection: asyncpg.Connection) -> None:
        """Who wants what, in this transaction; less those whose filters cannot be asked."""
        for id, error in (await self._index.refresh(connection)).items():
            through = await dispatch_progress_repository.dispatched_through(connection, shard_of(id))
            await set_aside_subscriptions(connection, {id: error}, through)
        await drop_set_aside(connection, self._index)

    async def _dispatch(self, push_dispatcher: PushDispatcher | None, *, by_pathway: bool = False) -> bool:
        started_at = time.time_ns()
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            if not await self._may_write(connection):
                return False
            await self._refresh(connection)
            page = (
                None
                if self._index.is_empty
                else await dispatch_progress_repository.next_page(connection, self._shards, _PAGE_SIZE)
            )
            if page is None:
                return False
            shards, begin, end = page
            index = self._index if len(shards) == len(self._shards) else self._index.of_shards(shards)
            if push_dispatcher is not None and not push_dispatcher.has_waiting:
                push_dispatcher = None  # whoever begins to wait meanwhile is woken, and reads
            fetch = (
                subscription_repository.fetch_outlines
                if push_dispatcher is None
                else subscription_repository.fetch_events
            )
            rows, now = await fetch(connection, begin, end), self._clock()
            blocked, evidence = await _find_blocked(connection, shards, rows)
            deliverable = [row for row in rows if row["pathway"] not in blocked] if blocked else rows
            if by_pathway:
                control_rows = await subscription_repository.fetch_events(
                    connection, max(0, begin - _CONTROL_ENTRIES), begin
                )
                recipients, scanned_through, failed_pathways, failing_filters = await select_or_set_aside(
                    connection, index, now, deliverable, control_rows, _MAX_DELIVERIES
                )
                await set_aside_subscriptions(connection, failing_filters, begin)
                blocked |= failed_pathways
            else:
                recipients, scanned_through = await select_recipients(
                    index, VisibilityCache(connection, now), deliverable, _MAX_DELIVERIES
                )
            last = end if scanned_through is None else scanned_through
            await held_repository.hold(connection, shards, _held_entries(rows, blocked, last), evidence)
            last_numbers = await assign_numbers(connection, recipients.stored_events())
            await dispatch_progress_repository.advance(connection, shards, last)
            callbacks = (
                []
                if push_dispatcher is None
                else await push_dispatcher.prepare_push(connection, now, recipients, last_numbers)
            )
        for callback in callbacks:
            callback()
        record_dispatch(started_at, recipients.all_rows())
        self._on_delivered(last_numbers)
        return True


async def _find_blocked(
    connection: asyncpg.Connection, shards: Collection[int], rows: Sequence[asyncpg.Record]
) -> tuple[set[UUID], EvidenceEnds]:
    """Pathways of which nothing is given now, and which evidence has to be bound before it is.

    Evidence that was stored with these events or before them says who may see them. An answer to a hand-off comes under
    a ref that its token joins to the pathway. The organisation that asked must receive it.
    """
    blocked = await held_repository.blocked_pathways(connection, shards)
    backlog = await evidence_backlog.pathways_with_unbound_evidence(connection, rows)
    if backlog is None:
        return blocked, held_repository.NO_EVIDENCE
    pathways, ends = backlog
    return blocked | pathways, ends


def _held_entries(rows: Sequence[asyncpg.Record], blocked: Collection[UUID], last: int) -> set[HeldEntry]:
    """Those of blocked pathways, up to this entry."""
    if not blocked:
        return set()
    return {
        HeldEntry(row["ref"], row["batch"], row["seq"])
        for row in rows
        if row["pathway"] in blocked and row["seq"] <= last
    }
