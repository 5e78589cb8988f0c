"""`…/stream`: the events of a subscription as server-sent events, from a number on, for as long as somebody listens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.access_log.request_row import request_number
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.session import Session
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.sse.batched_reader import BatchedReader, PageRequest
from pathline_gateway.streams.sse.listeners import ListenerRegistry

_HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 900.0
"""After this a stream ends, and its reader comes again with her token: it may be another by then."""


@dataclass
class Streams:
    """What every stream of a process needs."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    waiters: ListenerRegistry
    slow: asyncpg.Pool = None
    """For what looks through the events of many."""
    work: asyncpg.Pool = None
    """For what streams read: they wait for their turn, and not for requests."""
    sessions: Sessions | None = None
    """Which tokens are believed no longer."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.slow = self.pool if self.slow is None else self.slow
        self._readings = BatchedReader(self.pool if self.work is None else self.work, self.secret, self.clock)

    async def listen(
        self, subscription: UUID, after: int, *, everything: bool, session: Session | None = None
    ) -> AsyncIterator[bytes]:
        """Frames, beginning after this number: events, and a comment now and then where there are none.

        They end within a heartbeat of the `session` of whoever listens.
        """
        until, trace = time.monotonic() + LONGEST_S, request_number()
        yield b"retry: 1000\n\n"
        with self.waiters.waiting(subscription, trace, everything=everything) as waiter:
            while time.monotonic() < until and not self.waiters.ended:
                if session is not None and self.sessions is not None and self.sessions.is_over(session):
                    yield b'event: end\ndata: {"because":"signed out, or the token expired"}\n\n'
                    return
                waiter.woken.clear()
                read = waiter.take() or await self._readings.next(PageRequest(subscription, after, trace, everything))
                if read is None:
                    yield b'event: end\ndata: {"because":"paused or ended"}\n\n'
                    return
                after = waiter.read_to = read.last
                if read.frames:
                    yield read.frames
                if read.more:
                    continue
                if not await waiter.wait(_HEARTBEAT_S):
                    yield b": nothing new\n\n"
