"""Events a second over the last minute: published, applied, delivered. Of all processes, as this one saw it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.status import flow_repository

_INTERVAL_S: Final = 5.0
_WINDOW_S: Final = 60.0


class ThroughputTotals(NamedTuple):
    """Counts that only grow, but where a log was replaced or a subscription ended."""

    published: int
    """Records that the broker has."""
    applied: int
    """Records that are stored or parked."""
    delivered: int
    """Events that sinks took, and that readers have asked past."""


class ThroughputRates(NamedTuple):
    """The same, a second."""

    published: float
    applied: float
    delivered: float
    seconds: float
    """Over how long."""


class Throughput:
    """What flowed in the last minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, ThroughputTotals]] = deque()

    def add_sample(self, at: float, totals: ThroughputTotals) -> None:
        """So much had flowed then; `at` is of a clock that only counts seconds."""
        self._samples.append((at, totals))
        while at - self._samples[0][0] > _WINDOW_S:
            self._samples.popleft()

    def rates(self) -> ThroughputRates | None:
        """None until there is something to compare."""
        if len(self._samples) < 2:
            return None
        (start, first), (end, last) = self._samples[0], self._samples[-1]
        seconds = end - start
        published, applied, delivered = (
            max(0, later - earlier) / seconds for earlier, later in zip(first, last, strict=True)
        )
        return ThroughputRates(published, applied, delivered, seconds)

    def loop(self, pool: asyncpg.Pool, progress: Progress, survey: Callable[[], Awaitable[None]]) -> Loop:
        """Looks every few seconds."""
        return Loop("throughput", partial(self._sample, pool, progress, survey), _INTERVAL_S)

    async def _sample(self, pool: asyncpg.Pool, progress: Progress, survey: Callable[[], Awaitable[None]]) -> None:
        await survey()
        async with pool.acquire() as connection:
            delivered = await flow_repository.count_delivered(connection)
        totals = ThroughputTotals(sum(progress.end_offsets.values()), sum(progress.applied_offsets.values()), delivered)
        self.add_sample(time.monotonic(), totals)
