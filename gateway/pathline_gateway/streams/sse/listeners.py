"""The open streams of this process, by subscription, and what wakes them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.background.loop import Loop
from pathline_gateway.streams.dispatch.event_rendering import RenderContext
from pathline_gateway.streams.dispatch.push import CommitCallback, Given
from pathline_gateway.streams.sse.encoding import EventPage, framed
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.time_slice import TimeSlice

_LOOK_EVERY_S = 0.25
"""How much later what another process gave is noticed."""
_AT_HAND: Final = 20
"""Events that are handed over to one stream; it reads those that follow."""


@dataclass(eq=False, slots=True)
class Listener:
    """One stream."""

    trace: bytes | None
    everything: bool
    """Its caller may see all, as long as auth is off."""
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever its subscription was given something."""
    read_to: int = -1
    """The last number that it has; it has none yet."""
    _waits: bool = False
    _handed: EventPage | None = None

    def waits_after(self, number: int) -> bool:
        """Whether it has all up to this number, and neither reads nor sends."""
        return self._waits and self.read_to == number and self._handed is None

    async def wait(self, seconds: float) -> bool:
        """Whether it was woken within this time."""
        self._waits = True
        try:
            async with asyncio.timeout(seconds):
                await self.woken.wait()
        except TimeoutError:
            return False
        finally:
            self._waits = False
        return True

    def hand(self, after: int, read: EventPage) -> None:
        """What comes after this number, unless it was read meanwhile."""
        if self.waits_after(after):
            self._handed = read
        self.woken.set()

    def take(self) -> EventPage | None:
        """What was handed over to it, once."""
        handed, self._handed = self._handed, None
        return handed


class ListenerRegistry:
    """One for all streams of a process: a look at Postgres each would cost more than the events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._waiting: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self.ended = False
        """No stream begins or goes on: the process stops."""

    @contextmanager
    def waiting(self, subscription: UUID, trace: bytes | None, *, everything: bool) -> Iterator[Listener]:
        """One that waits for what this subscription is given, as long as the block lasts."""
        waiter = Listener(trace, everything)
        self._waiting[subscription].add(waiter)
        try:
            yield waiter
        finally:
            self._waiting[subscription].discard(waiter)
            if not self._waiting[subscription]:
                del self._waiting[subscription]

    def given(self, subscriptions: Iterable[UUID]) -> None:
        """These were given something."""
        for subscription in subscriptions:
            for waiter in self._waiting.get(subscription, ()):
                waiter.woken.set()

    async def told(self, moment: RenderContext, given: Sequence[Given]) -> list[CommitCallback]:
        """See `at_hand`."""
        hands: list[CommitCallback] = []
        slice = TimeSlice()
        for subscription, events in given:
            after, some = events[0][0] - 1, events[:_AT_HAND]
            for waiter in [each for each in self._waiting.get(subscription.id, ()) if each.waits_after(after)]:
                frames = await framed(moment, subscription.seeing(waiter.everything), some, waiter.trace)
                read = EventPage(frames, some[-1][0], len(events) > len(some))
                hands.append(partial(waiter.hand, after, read))
                if slice.is_spent:
                    await slice.renew()
        return hands

    def end(self) -> None:
        """Everybody goes home."""
        self.ended = True
        self.given(list(self._waiting))

    @property
    def loop(self) -> Loop:
        """Notices what other processes gave."""
        return Loop("streams", self.look, _LOOK_EVERY_S)

    async def look(self) -> None:
        """Whoever was given something since, by whatever process, is woken."""
        if not self._waiting:
            return
        async with self._pool.acquire() as connection:
            now = await subscription_repository.last_numbers(connection, list(self._waiting))
        for id, waiters in self._waiting.items():
            for waiter in waiters:
                # One that is gone or paused, too: its streams find that out.
                if id not in now or waiter.read_to < now[id]:
                    waiter.woken.set()
