"""What this gateway itself says of who is who, for a reviewer or a citizen: an event like any other, then bound."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from pathline.interaction import Interaction
from pathline.vocabulary import Payload
from pathline_gateway.identity import membership_repository

Write = Callable[[Sequence[Interaction[Payload]]], Awaitable[None]]
"""The broker has the events, or an error says that they may be sent again."""

_BOUND_TIMEOUT_S = 10.0
"""Longest wait of an answer for what it says to be in force."""
_POLL_S = 0.05
"""The writer may be in another process: Postgres is asked."""


class EvidencePublisher:
    """Publishes evidence of one source, and waits until it counts."""

    def __init__(self, pool: asyncpg.Pool, write: Write, timeout_s: float = _BOUND_TIMEOUT_S) -> None:
        self._pool, self._publish_batch, self._timeout_s = pool, write, timeout_s

    async def publish(self, events: Sequence[Interaction[Payload]]) -> bool:
        """The broker has the events, all of one source; whether they were bound before patience ended.

        They will be bound in any case: the log has them, and a replay of it will bring them again.
        """
        await self._publish_batch(events)
        end = time.monotonic() + self._timeout_s
        while not (bound := await self._is_bound(events)) and time.monotonic() < end:
            await asyncio.sleep(_POLL_S)
        return bound

    async def _is_bound(self, events: Sequence[Interaction[Payload]]) -> bool:
        async with self._pool.acquire() as connection:
            return await membership_repository.is_seen(connection, events[0].source, [event.id for event in events])
