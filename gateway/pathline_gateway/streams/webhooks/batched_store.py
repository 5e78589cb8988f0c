"""Batches the reads and writes of all sink workers into shared transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.delivery_spans import with_publisher
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, render_events
from pathline_gateway.streams.dispatch.request_coalescer import RequestCoalescer
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Numbered, Subscription
from pathline_gateway.streams.webhooks import (
    delivery_repository,
    lease_repository,
    rate_turn_repository,
    sink_repository,
)
from pathline_gateway.streams.webhooks.delivery_rows import (
    LeaseRelease,
    PendingEvent,
    SettlementRows,
    SinkState,
)
from pathline_gateway.streams.webhooks.payload import WebhookMessage, build_message
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule
from pathline_gateway.streams.webhooks.worker_context import WorkerContext

_BATCH_SIZE: Final = 64
"""Lines that are looked for in one transaction: each has a window of events."""
_SETTLE_GATHER_S: Final = 0.01
"""How long what came back from other sinks is waited for, to be written down together."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What is found in one transaction, and to be done."""

    state: SinkState
    org: str
    secrets: Sequence[str]
    schedule: DeliverySchedule
    startable: Sequence[tuple[PendingEvent, WebhookMessage]]


class Planner(Protocol):
    """Says what to do with what is found."""

    def reserve_and_schedule(
        self, state: SinkState, window: Sequence[PendingEvent], free_slots: int
    ) -> DeliverySchedule:
        """So many may be begun."""


class FetchRequest(NamedTuple):
    """A worker that asks for events."""

    subscription: UUID
    free_slots: int
    lookahead: int
    """How many events are looked at."""
    planner: Planner


class DeliveryBatcher:
    """One for all workers of a process."""

    def __init__(self, context: WorkerContext, holder_id: UUID) -> None:
        self._context, self._holder_id = context, holder_id
        self._fetches = RequestCoalescer(self._fetch)
        self._settlements = RequestCoalescer(self._settle, _SETTLE_GATHER_S)
        self._releases = RequestCoalescer(self._release)

    async def fetch(self, request: FetchRequest) -> FetchResult | None:
        """What to do; None where the sink is another's, or gone."""
        return await self._fetches.submit(request)

    async def settle(self, subscription: UUID, settlement: SettlementRows) -> bool:
        """Whether it is written down; not where the sink is another's by now."""
        return await self._settlements.submit((subscription, settlement))

    async def release(self, lease: LeaseRelease) -> bool:
        """Whether the sink is nobody's now; not where somebody changed it meanwhile."""
        return await self._releases.submit(lease)

    async def claim_turn(self, state: SinkState, org: str, n: int, *, has_more: bool) -> timedelta | None:
        """None: so many requests of this organisation may go to a sink that allows so many a minute, and are counted.

        Else in how long to ask again: it waits for its turn. With `n` 0 it only waits. `has_more`: it has more to send.
        """
        if state.max_requests_per_minute is None:
            return None
        spacing, now = timedelta(minutes=1) / state.max_requests_per_minute, self._context.sender.now()
        async with self._context.pool.acquire() as connection, connection.transaction():
            turns = await rate_turn_repository.lock_turns(connection, state.url, org, now)
            next_turns = turns.after_start(org, n, spacing, now, has_more=has_more) if n else None
            await rate_turn_repository.save_turns(
                connection, state.url, turns, next_turns or turns.after_wait(org, spacing, now)
            )
        return None if next_turns else turns.retry_at(org, spacing, now) - now

    async def hold(self, numbers: Sequence[Numbered]) -> None:
        """Holds these deliveries behind others that failed."""
        async with self._context.pool.acquire() as connection:
            await delivery_repository.hold(connection, numbers)

    async def _fetch(self, requests: Sequence[FetchRequest]) -> Sequence[FetchResult | None]:
        batch = requests[:_BATCH_SIZE]
        ids, context = [each.subscription for each in batch], self._context
        async with context.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            states = await delivery_repository.fetch_states(connection, ids, self._holder_id)
            subscriptions = await subscription_repository.find_many(connection, ids)
            secrets = await sink_repository.fetch_secrets_of(connection, ids, context.sender.now())
            windows = {id: _window(states[id], lookahead) for id, _, lookahead, _ in batch if id in states}
            pending = await delivery_repository.fetch_pending(connection, windows)
            schedules = {
                each.subscription: each.planner.reserve_and_schedule(
                    states[each.subscription], pending[each.subscription], each.free_slots
                )
                for each in batch
                if each.subscription in states and each.subscription in subscriptions
            }
            await delivery_repository.hold(
                connection, [(id, number) for id, made in schedules.items() for number in made.hold]
            )
            messages = await self._render_messages(connection, subscriptions, schedules)
        results: dict[UUID, FetchResult] = {}
        for id, schedule in schedules.items():
            by_number = {each.number: each for each in pending[id]}
            startable = [(by_number[number], messages[id, number]) for number in schedule.start]
            results[id] = FetchResult(states[id], subscriptions[id].org, secrets[id], schedule, startable)
        return [results.get(id) for id in ids]

    async def _render_messages(
        self,
        connection: asyncpg.Connection,
        subscriptions: Mapping[UUID, Subscription],
        schedules: Mapping[UUID, DeliverySchedule],
    ) -> dict[Numbered, WebhookMessage]:
        """The bodies to post; the access log has others' events that they show."""
        context = RenderContext(connection, self._context.secret, self._context.clock())
        rows = await delivered_repository.fetch_by_number(
            connection, [(id, n) for id, made in schedules.items() for n in made.start]
        )
        messages: dict[Numbered, WebhookMessage] = {}
        for id, schedule in schedules.items():
            subscription = subscriptions[id].effective(self._context.auth_disabled)
            numbered_rows = [(number, rows[id, number]) for number in sorted(schedule.start) if (id, number) in rows]
            rendered = {
                event["number"]: event for event in await render_events(context, subscription, numbered_rows, None)
            }
            for number in schedule.start:
                event, trace = rendered.get(number), context.delivery_trace(subscription, number)
                if event is not None:
                    trace = with_publisher(trace, rows[id, number], event)
                messages[id, number] = build_message(subscription, number, event, trace)
        return messages

    async def _settle(self, settlements: Sequence[tuple[UUID, SettlementRows]]) -> Sequence[bool]:
        async with self._context.pool.acquire() as connection, connection.transaction():
            written_ids = await delivery_repository.settle(
                connection, self._holder_id, dict(settlements), self._context.sender.now()
            )
        return [id in written_ids for id, _ in settlements]

    async def _release(self, releases: Sequence[LeaseRelease]) -> Sequence[bool]:
        async with self._context.pool.acquire() as connection:
            released_ids = await lease_repository.release_leases(connection, self._holder_id, releases)
        return [each.subscription in released_ids for each in releases]


def _window(state: SinkState, lookahead: int) -> tuple[int, int]:
    """After which number, and up to which."""
    return state.acked_through, min(state.last_number, state.acked_through + lookahead)
