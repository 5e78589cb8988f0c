"""Reads events for all streams of a process in few transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, with_numbers
from pathline_gateway.streams.dispatch.request_coalescer import RequestCoalescer
from pathline_gateway.streams.sse.encoding import EventPage, encode_events, encode_gap
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Numbered, Subscription

_PAGE_SIZE: Final = 100
"""Events in memory for one stream: the next are read once these are sent."""
_MAX_EVENTS_PER_TRANSACTION: Final = 400
"""Events that are read in one transaction, and a page more."""


class PageRequest(NamedTuple):
    """What one stream wants."""

    subscription: UUID
    after: int
    trace: bytes | None
    auth_disabled: bool


class BatchedReader:
    """One for all streams of a process."""

    def __init__(self, pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._pool, self._secret, self._clock = pool, secret, clock
        self._coalescer = RequestCoalescer(self._read_pages)

    async def read_page(self, request: PageRequest) -> EventPage | None:
        """What comes after this number; None where the subscription is paused or gone."""
        return await self._coalescer.submit(request)

    async def _read_pages(self, requests: Sequence[PageRequest]) -> Sequence[EventPage | None]:
        """For the first of them, as many as there is room for; once it is committed who was shown what."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            subscriptions = await subscription_repository.find_many(
                connection, {each.subscription for each in requests}
            )
            ranges = _allocate_ranges(requests, subscriptions)
            rows = await delivered_repository.fetch_by_number(
                connection, {number for numbers in ranges for number in numbers}
            )
            context = RenderContext(connection, self._secret, self._clock())
            return [
                await _render_page(
                    context, each, subscriptions.get(each.subscription), len(numbers), [rows[n] for n in numbers]
                )
                for each, numbers in zip(requests, ranges, strict=False)
            ]


async def _render_page(
    context: RenderContext,
    request: PageRequest,
    subscription: Subscription | None,
    size: int,
    rows: Sequence[asyncpg.Record],
) -> EventPage | None:
    if subscription is None or subscription.is_paused:
        return None
    frames, deliveries = await encode_events(
        context, subscription.effective(request.auth_disabled), with_numbers(rows), request.trace
    )
    last_number = max(request.after, subscription.pruned_through) + size
    return EventPage(
        encode_gap(subscription, request.after) + frames,
        last_number,
        subscription.last_number > last_number,
        deliveries,
    )


def _allocate_ranges(
    requests: Sequence[PageRequest], subscriptions: Mapping[UUID, Subscription]
) -> list[list[Numbered]]:
    """Which events each of the first of them is given now: numbers of a subscription have no gap."""
    ranges: list[list[Numbered]] = []
    total = 0
    for id, after, *_ in requests:
        subscription = subscriptions.get(id)
        begin = after if subscription is None else max(after, subscription.pruned_through)
        end = 0 if subscription is None or subscription.is_paused else min(subscription.last_number, begin + _PAGE_SIZE)
        if total >= _MAX_EVENTS_PER_TRANSACTION:
            break
        ranges.append([(id, number) for number in range(begin + 1, end + 1)])
        total += len(ranges[-1])
    return ranges
