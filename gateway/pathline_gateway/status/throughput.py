"""Events a second over the last minute: published, applied, delivered. Of all processes, as this one saw it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.background.loop import Loop
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.status import flow_repository

_EVERY_S: Final = 5.0
_OVER_S: Final = 60.0


class ThroughputTotals(NamedTuple):
    """Counts that only grow, but where a log was replaced or a subscription ended."""

    published: int
    """Records that the broker has."""
    applied: int
    """Records that are stored or parked."""
    delivered: int
    """Events that sinks took, and that readers have asked past."""


class PerSecond(NamedTuple):
    """The same, a second."""

    published: float
    applied: float
    delivered: float
    seconds: float
    """Over how long."""


class Throughput:
    """What flowed in the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, ThroughputTotals]] = deque()

    def saw(self, at: float, totals: ThroughputTotals) -> None:
        """So much had flowed then; `at` is of a clock that only counts seconds."""
        self._seen.append((at, totals))
        while at - self._seen[0][0] > _OVER_S:
            self._seen.popleft()

    def now(self) -> PerSecond | None:
        """None until there is something to compare."""
        if len(self._seen) < 2:
            return None
        (began, before), (ended, after) = self._seen[0], self._seen[-1]
        seconds = ended - began
        published, applied, delivered = (
            max(0, later - earlier) / seconds for earlier, later in zip(before, after, strict=True)
        )
        return PerSecond(published, applied, delivered, seconds)

    def loop(self, pool: asyncpg.Pool, progress: Progress, survey: Callable[[], Awaitable[None]]) -> Loop:
        """Looks every few seconds."""
        return Loop("throughput", partial(self._look, pool, progress, survey), _EVERY_S)

    async def _look(self, pool: asyncpg.Pool, progress: Progress, survey: Callable[[], Awaitable[None]]) -> None:
        await survey()
        async with pool.acquire() as connection:
            delivered = await flow_repository.delivered(connection)
        totals = ThroughputTotals(sum(progress.ends.values()), sum(progress.applied.values()), delivered)
        self.saw(time.monotonic(), totals)
