"""Delivers stored events again, as a further series of a subscription."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background.faults import concerns_record
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.set_aside import repository as set_aside
from pathline_gateway.streams.dispatch import held_repository, replay_repository
from pathline_gateway.streams.dispatch.delivery_spans import record_dispatch
from pathline_gateway.streams.dispatch.held_events import owed_rows
from pathline_gateway.streams.dispatch.selection import Selection, select_recipients
from pathline_gateway.streams.dispatch.selection_by_pathway import select_or_set_aside
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.numbering_repository import assign_numbers
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

WORK: Final = "replays"
_PAGE_SIZE: Final = 1_000
"""Of the change log, in one transaction."""
_POLL_INTERVAL_S: Final = 0.5


class Replayer:
    """Runs in every gateway; each series is one's in each transaction."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clock: Callable[[], datetime],
        on_delivered: Callable[[Mapping[UUID, int]], None] = lambda _: None,
        *,
        auth_disabled: bool,
    ) -> None:
        """As the dispatcher's."""
        self._pool, self._clock, self._on_delivered, self._auth_disabled = pool, clock, on_delivered, auth_disabled

    @property
    def loop(self) -> Loop:
        """Delivers the series that somebody asked for."""
        return Loop(WORK, self.replay_some, _POLL_INTERVAL_S)

    async def replay_some(self) -> bool:
        """Whether anything was looked at, in one transaction."""
        try:
            return await self._replay()
        except asyncpg.SerializationError:
            return True  # somebody changed what was looked at: it is looked at again

    async def _replay(self) -> bool:
        started_at = time.time_ns()
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            replay = await replay_repository.claim(connection)
            subscription = (
                None if replay is None else await subscription_repository.find(connection, replay.subscription, None)
            )
            if replay is None or subscription is None:
                return False
            end = await replay_repository.page_end(connection, replay, _PAGE_SIZE)
            rows = await subscription_repository.fetch_events(connection, replay.scanned_through, end)
            recipients = await self._select(connection, subscription.effective(self._auth_disabled), rows)
            if recipients is None:
                return True
            events = recipients.stored_events().get(subscription.id, ())
            already_delivered = await replay_repository.find_already_delivered(connection, replay, events)
            last_numbers = await assign_numbers(
                connection, {subscription.id: [each for each in events if each not in already_delivered]}
            )
            await replay_repository.advance(connection, replay, end)
        record_dispatch(started_at, recipients.all_rows())
        self._on_delivered(last_numbers)
        return True

    async def _select(
        self, connection: asyncpg.Connection, series: Subscription, rows: Sequence[asyncpg.Record]
    ) -> Selection | None:
        """What it is given of these; what is of closed pathways is owed to it. None where it is set aside itself."""
        key, now = f"subscription:{series.id}", self._clock()
        blocked = await held_repository.blocked_pathways(connection)
        deliverable = [row for row in rows if row["pathway"] not in blocked]
        try:
            async with connection.transaction():
                recipients, _ = await select_recipients(
                    SubscriptionIndex([series]), VisibilityCache(connection, now), deliverable
                )
        except Exception as error:
            if not concerns_record(error):
                raise
            selection = await select_or_set_aside(connection, SubscriptionIndex([series]), now, deliverable)
            if selection.failing_filters:
                await set_aside.put(connection, WORK, "subscription", {key: error})
                return None
            recipients, blocked = selection.recipients, blocked | selection.failed_pathways
        await held_repository.insert_owed(
            connection, owed_rows(series.id, [row for row in rows if row["pathway"] in blocked])
        )
        await set_aside.release(connection, WORK, [key])
        return recipients
