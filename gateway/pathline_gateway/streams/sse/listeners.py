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

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.streams.dispatch.event_rendering import RenderContext
from pathline_gateway.streams.dispatch.push import CommitCallback, NewDeliveries
from pathline_gateway.streams.sse.encoding import EventPage, encode_events
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.time_slice import TimeSlice

_POLL_INTERVAL_S = 0.25
"""How much later what another process gave is noticed."""
_MAX_PUSHED_EVENTS: Final = 20
"""Events that are handed over to one stream; it reads those that follow."""


@dataclass(eq=False, slots=True)
class Listener:
    """One stream."""

    trace: bytes | None
    auth_disabled: bool
    """Its caller may see all, as long as auth is off."""
    wake_event: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever its subscription was given something."""
    last_number: int = -1
    """The last number that it has; it has none yet."""
    _is_waiting: bool = False
    _pushed_page: EventPage | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether it has nothing to send, and waits for what comes next."""
        return self._is_waiting

    def is_caught_up_to(self, number: int) -> bool:
        """Whether it has all up to this number, and neither reads nor sends."""
        return self._is_waiting and self.last_number == number and self._pushed_page is None

    async def wait(self, seconds: float) -> bool:
        """Whether it was woken within this time."""
        self._is_waiting = True
        try:
            async with asyncio.timeout(seconds):
                await self.wake_event.wait()
        except TimeoutError:
            return False
        finally:
            self._is_waiting = False
        return True

    def push(self, after: int, page: EventPage) -> None:
        """What comes after this number, unless it was read meanwhile."""
        if self.is_caught_up_to(after):
            self._pushed_page = page
        self.wake_event.set()

    def take_pushed(self) -> EventPage | None:
        """The page that was pushed to it, once."""
        page, self._pushed_page = self._pushed_page, None
        return page


class ListenerRegistry:
    """All streams of a process: a look at Postgres for each would cost more than the events."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._listeners: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self.is_closed = False
        """No stream begins or goes on: the process stops."""

    @contextmanager
    def register(self, subscription: UUID, trace: bytes | None, *, auth_disabled: bool) -> Iterator[Listener]:
        """One that waits for what this subscription is given, as long as the block lasts."""
        listener = Listener(trace, auth_disabled)
        self._listeners[subscription].add(listener)
        try:
            yield listener
        finally:
            self._listeners[subscription].discard(listener)
            if not self._listeners[subscription]:
                del self._listeners[subscription]

    def wake(self, subscriptions: Iterable[UUID]) -> None:
        """These subscriptions have new deliveries."""
        for subscription in subscriptions:
            for listener in self._listeners.get(subscription, ()):
                listener.wake_event.set()

    @property
    def has_waiting(self) -> bool:
        """See `PushTarget.has_waiting`."""
        return any(each.is_waiting for listeners in self._listeners.values() for each in listeners)

    async def prepare_push(self, context: RenderContext, deliveries: Sequence[NewDeliveries]) -> list[CommitCallback]:
        """See `PushTarget.prepare_push`."""
        callbacks: list[CommitCallback] = []
        slice = TimeSlice()
        for each in deliveries:
            subscription, after = each.subscription, each.after
            waiting = [one for one in self._listeners.get(subscription.id, ()) if one.is_caught_up_to(after)]
            batch = each.events(_MAX_PUSHED_EVENTS) if waiting else []
            for listener in waiting:
                frames, sampled = await encode_events(
                    context, subscription.effective(listener.auth_disabled), batch, listener.trace
                )
                page = EventPage(frames, batch[-1][0], len(each.rows) > len(batch), sampled)
                callbacks.append(partial(listener.push, after, page))
                if slice.is_spent:
                    await slice.renew()
        return callbacks

    def close(self) -> None:
        """Ends all streams."""
        self.is_closed = True
        self.wake(list(self._listeners))

    @property
    def loop(self) -> Loop:
        """Notices what other processes gave."""
        return Loop("streams", self.poll, _POLL_INTERVAL_S)

    async def poll(self) -> None:
        """Wakes the listeners of subscriptions that have new deliveries, by whatever process."""
        if not self._listeners:
            return
        async with self._pool.acquire() as connection:
            last_numbers = await subscription_repository.fetch_last_numbers(connection, list(self._listeners))
        for id, listeners in self._listeners.items():
            for listener in listeners:
                # One that is gone or paused, too: its streams find that out.
                if id not in last_numbers or listener.last_number < last_numbers[id]:
                    listener.wake_event.set()
