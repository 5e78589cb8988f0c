"""Reads events for all streams of a process in few transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from pathline_gateway.streams.dispatch import delivered_repository
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, numbered
from pathline_gateway.streams.dispatch.request_coalescer import RequestCoalescer
from pathline_gateway.streams.sse.encoding import EventPage, framed, framed_gap
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Numbered, Subscription

_EVENTS: Final = 100
"""Events that are held for one stream: the next are read once these are sent."""
_TOGETHER: Final = 400
"""Events that are read in one transaction, and a page more."""


class PageRequest(NamedTuple):
    """What one stream wants."""

    subscription: UUID
    after: int
    trace: bytes | None
    everything: bool


class BatchedReader:
    """One for all streams of a process."""

    def __init__(self, pool: asyncpg.Pool, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._pool, self._secret, self._clock = pool, secret, clock
        self._together = RequestCoalescer(self._answers)

    async def next(self, asked: PageRequest) -> EventPage | None:
        """What comes after this number; None where the subscription hands out nothing any more."""
        return await self._together.ask(asked)

    async def _answers(self, asked: Sequence[PageRequest]) -> Sequence[EventPage | None]:
        """For the first of them, as many as there is room for; once it is committed who was shown what."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            known = await subscription_repository.several(connection, {each.subscription for each in asked})
            shares = _shares(asked, known)
            rows = await delivered_repository.under(connection, {number for numbers in shares for number in numbers})
            moment = RenderContext(connection, self._secret, self._clock())
            return [
                await _read(moment, each, known.get(each.subscription), len(numbers), [rows[n] for n in numbers])
                for each, numbers in zip(asked, shares, strict=False)
            ]


async def _read(
    moment: RenderContext, asked: PageRequest, found: Subscription | None, n: int, rows: Sequence[asyncpg.Record]
) -> EventPage | None:
    if found is None or found.paused:
        return None
    frames = await framed(moment, found.seeing(asked.everything), numbered(rows), asked.trace)
    last = max(asked.after, found.forgotten_to) + n
    return EventPage(framed_gap(found, asked.after) + frames, last, found.last_number > last)


def _shares(asked: Sequence[PageRequest], known: Mapping[UUID, Subscription]) -> list[list[Numbered]]:
    """Which events each of the first of them is given now: numbers of a subscription have no gap."""
    shares: list[list[Numbered]] = []
    n = 0
    for id, after, *_ in asked:
        found = known.get(id)
        begin = after if found is None else max(after, found.forgotten_to)
        end = 0 if found is None or found.paused else min(found.last_number, begin + _EVENTS)
        if n >= _TOGETHER:
            break
        shares.append([(id, number) for number in range(begin + 1, end + 1)])
        n += len(shares[-1])
    return shares
