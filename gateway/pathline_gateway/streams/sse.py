"""`…/stream`: the events of a subscription as server-sent events, from a number on, for as long as somebody listens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from pathline_gateway.store import subscriptions as store
from pathline_gateway.streams.deliver import page
from pathline_gateway.streams.waiters import Waiters

_EVENTS: Final = 100
"""Events that are held for a reader: the next are read once these are sent."""
_HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 900.0
"""After this a stream ends, and its reader comes again with her token: it may be another by then."""


@dataclass(frozen=True, slots=True)
class Streams:
    """What every stream of a process needs."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    waiters: Waiters

    async def listen(self, subscription: UUID, after: int, *, everything: bool) -> AsyncIterator[bytes]:
        """Frames, beginning after this number: events, and a comment now and then where there are none."""
        until = time.monotonic() + LONGEST_S
        yield b"retry: 1000\n\n"
        with self.waiters.waiting(subscription) as woken:
            while time.monotonic() < until and not self.waiters.ended:
                woken.clear()
                frames, after = await self._next(subscription, after, everything)
                if frames is None:
                    yield b'event: end\ndata: {"because":"paused or ended"}\n\n'
                    return
                if frames:
                    yield frames
                    continue
                try:
                    await asyncio.wait_for(woken.wait(), _HEARTBEAT_S)
                except TimeoutError:
                    yield b": nothing new\n\n"

    async def _next(self, subscription: UUID, after: int, everything: bool) -> tuple[bytes | None, int]:
        """The next frames; none where it hands out nothing any more."""
        async with self.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            found = await store.one(connection, subscription, None)
            if found is None or found.paused:
                return None, after
            told = await page(connection, self.secret, found.seeing(everything), after, _EVENTS, self.clock())
        return b"".join(_frame(found.prefix, each) for each in told.events), told.last


def _frame(prefix: str, event: dict[str, Any]) -> bytes:
    # Data as its publisher sent it may hold line feeds, which would end the field.
    data = orjson.dumps(event).replace(b"\n", b" ").replace(b"\r", b" ")
    return b"id: %sn%d\ndata: %s\n\n" % (prefix.encode(), event["number"], data)
