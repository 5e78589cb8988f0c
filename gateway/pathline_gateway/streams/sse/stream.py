"""`…/stream`: the events of a subscription as server-sent events, from a number on, for as long as somebody listens."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg

from pathline_gateway.access_log.request_row import request_number
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.session import Session
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.sse.batched_reader import BatchedReader, PageRequest
from pathline_gateway.streams.sse.listeners import ListenerRegistry
from pathline_gateway.streams.subscriptions import read_position_repository

_SPAN_NAME: Final = "deliver SSE"
_HEARTBEAT_S: Final = 15.0
MAX_DURATION_S: Final = 900.0
"""After this a stream ends, and its reader comes again with her token: it may be another by then."""


@dataclass
class SseStreams:
    """What every stream of a process needs."""

    pool: asyncpg.Pool
    secret: bytes
    clock: Callable[[], datetime]
    listeners: ListenerRegistry
    slow_pool: asyncpg.Pool = None
    """For what looks through the events of many."""
    read_pool: asyncpg.Pool = None
    """For what streams read: they wait for their turn, and not for requests."""
    sessions: Sessions | None = None
    """Which tokens are believed no longer."""
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.slow_pool = self.pool if self.slow_pool is None else self.slow_pool
        self._reader = BatchedReader(self.pool if self.read_pool is None else self.read_pool, self.secret, self.clock)

    async def _record_position(self, subscription: UUID, number: int) -> None:
        async with self.pool.acquire() as connection:
            await read_position_repository.record(connection, subscription, number, datetime.now(UTC))

    async def listen(
        self, subscription: UUID, after: int, *, auth_disabled: bool, session: Session | None = None
    ) -> AsyncIterator[bytes]:
        """Frames, beginning after this number: events, and a comment now and then where there are none.

        They end within a heartbeat of the `session` of whoever listens.
        """
        deadline, trace = time.monotonic() + MAX_DURATION_S, request_number()
        recorded, recorded_at = after, -_HEARTBEAT_S
        yield b"retry: 1000\n\n"
        with self.listeners.register(subscription, trace, auth_disabled=auth_disabled) as listener:
            while time.monotonic() < deadline and not self.listeners.is_closed:
                if session is not None and self.sessions is not None and self.sessions.has_ended(session):
                    yield b'event: end\ndata: {"because":"signed out, or the token expired"}\n\n'
                    return
                listener.wake_event.clear()
                page = listener.take_pushed() or await self._reader.read_page(
                    PageRequest(subscription, after, trace, auth_disabled)
                )
                if page is None:
                    yield b'event: end\ndata: {"because":"paused or ended"}\n\n'
                    return
                after = listener.last_number = page.last_number
                if page.frames:
                    sent_at = time.time_ns()
                    yield page.frames
                    await page.deliveries.record(_SPAN_NAME, sent_at)
                # Whoever listens on asks for nothing: what she took since is told by the next heartbeat.
                if after > recorded and time.monotonic() >= recorded_at + _HEARTBEAT_S:
                    await self._record_position(subscription, after)
                    recorded, recorded_at = after, time.monotonic()
                if page.has_more:
                    continue
                if not await listener.wait(_HEARTBEAT_S):
                    yield b": nothing new\n\n"
