"""Batches the reads and writes of all endpoint workers into shared transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, render_events
from pathline_gateway.streams.dispatch.request_coalescer import RequestCoalescer
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Numbered, Subscription
from pathline_gateway.streams.webhooks import delivery_repository, endpoint_repository, rate_turn_repository
from pathline_gateway.streams.webhooks.delivery_repository import (
    EndpointRelease,
    EndpointState,
    PendingEvent,
    SettlementRows,
)
from pathline_gateway.streams.webhooks.payload import WebhookMessage, message
from pathline_gateway.streams.webhooks.schedule import DeliverySchedule
from pathline_gateway.streams.webhooks.worker_context import WorkerContext

_LINES: Final = 64
"""Lines that are looked for in one transaction: each has a window of events."""
_GATHER_S: Final = 0.01
"""How long what came back from other sinks is waited for, to be written down together."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What is found in one transaction, and to be done."""

    state: EndpointState
    org: str
    keys: Sequence[str]
    plan: DeliverySchedule
    start: Sequence[tuple[PendingEvent, WebhookMessage]]


class Planner(Protocol):
    """Says what to do with what is found."""

    def plan(self, state: EndpointState, found: Sequence[PendingEvent], free: int) -> DeliverySchedule:
        """So many may be begun."""


class FetchRequest(NamedTuple):
    """A line that looks."""

    subscription: UUID
    free: int
    ahead: int
    """How many events are looked at."""
    planner: Planner


class DeliveryBatcher:
    """One for all lines of a process."""

    def __init__(self, common: WorkerContext, me: UUID) -> None:
        self._common, self._me = common, me
        self._looks = RequestCoalescer(self._look)
        self._settled = RequestCoalescer(self._settle, _GATHER_S)
        self._released = RequestCoalescer(self._release)

    async def look(self, asked: FetchRequest) -> FetchResult | None:
        """What to do; None where the sink is another's, or gone."""
        return await self._looks.ask(asked)

    async def settle(self, subscription: UUID, what: SettlementRows) -> bool:
        """Whether it is written down; not where the sink is another's by now."""
        return await self._settled.ask((subscription, what))

    async def release(self, released: EndpointRelease) -> bool:
        """Whether the sink is nobody's now; not where somebody changed it meanwhile."""
        return await self._released.ask(released)

    async def turn(self, state: EndpointState, org: str, n: int, *, more: bool) -> timedelta | None:
        """None: so many requests of this organisation may go to a sink that allows so many a minute, and are counted.

        Else in how long to ask again: it waits for its turn. With `n` 0 it only waits. `more`: it has more to send.
        """
        if state.allowed_rate is None:
            return None
        spacing, now = timedelta(minutes=1) / state.allowed_rate, self._common.sinks.now()
        async with self._common.pool.acquire() as connection, connection.transaction():
            before = await rate_turn_repository.locked(connection, state.url, org, now)
            begun = before.begun(org, n, spacing, now, more=more) if n else None
            await rate_turn_repository.write(connection, state.url, before, begun or before.waited(org, spacing, now))
        return None if begun else before.comes_at(org, spacing, now) - now

    async def hold(self, numbers: Sequence[Numbered]) -> None:
        """These are kept apart."""
        async with self._common.pool.acquire() as connection:
            await delivery_repository.hold(connection, numbers)

    async def _look(self, asked: Sequence[FetchRequest]) -> Sequence[FetchResult | None]:
        some = asked[:_LINES]
        ids, common = [each.subscription for each in some], self._common
        async with common.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            states = await delivery_repository.states(connection, ids, self._me)
            known = await subscription_repository.several(connection, ids)
            keys = await endpoint_repository.secrets_of(connection, ids, common.sinks.now())
            windows = {id: _window(states[id], ahead) for id, _, ahead, _ in some if id in states}
            found = await delivery_repository.following(connection, windows)
            plans = {
                each.subscription: each.planner.plan(states[each.subscription], found[each.subscription], each.free)
                for each in some
                if each.subscription in states and each.subscription in known
            }
            await delivery_repository.hold(
                connection, [(id, number) for id, made in plans.items() for number in made.hold]
            )
            said = await self._messages(connection, known, plans)
        looks: dict[UUID, FetchResult] = {}
        for id, made in plans.items():
            by_number = {each.number: each for each in found[id]}
            start = [(by_number[number], said[id, number]) for number in made.start]
            looks[id] = FetchResult(states[id], known[id].org, keys[id], made, start)
        return [looks.get(id) for id in ids]

    async def _messages(
        self, connection: asyncpg.Connection, known: Mapping[UUID, Subscription], plans: Mapping[UUID, DeliverySchedule]
    ) -> dict[Numbered, WebhookMessage]:
        """What is posted; what is shown of others is logged, as wherever it is told."""
        moment = RenderContext(connection, self._common.secret, self._common.clock())
        rows = await delivered_repository.under(connection, [(id, n) for id, made in plans.items() for n in made.start])
        said: dict[Numbered, WebhookMessage] = {}
        for id, made in plans.items():
            found = known[id].seeing(self._common.everything)
            stored = [(number, rows[id, number]) for number in sorted(made.start) if (id, number) in rows]
            told = {event["number"]: event for event in await render_events(moment, found, stored, None)}
            said |= {(id, number): message(found, number, told.get(number)) for number in made.start}
        return said

    async def _settle(self, settled: Sequence[tuple[UUID, SettlementRows]]) -> Sequence[bool]:
        async with self._common.pool.acquire() as connection, connection.transaction():
            written = await delivery_repository.settle(connection, self._me, dict(settled), self._common.sinks.now())
        return [id in written for id, _ in settled]

    async def _release(self, released: Sequence[EndpointRelease]) -> Sequence[bool]:
        async with self._common.pool.acquire() as connection:
            done = await delivery_repository.release(connection, self._me, released)
        return [each.subscription in done for each in released]


def _window(state: EndpointState, ahead: int) -> tuple[int, int]:
    """After which number, and up to which."""
    return state.read_to, min(state.last_number, state.read_to + ahead)
