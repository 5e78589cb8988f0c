"""How far intake has come: what the broker has, what Postgres has, and who waits for it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pathline_gateway.kafka.offset_repository import Partition


@dataclass
class Progress:
    """Ends and positions of every partition that this process knows of."""

    ends: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that the broker is known to have."""
    applied: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that is stored or parked in Postgres."""
    passed: dict[Partition, int] = field(default_factory=dict)
    """Up to where the consumer found nothing after what is applied: ends of transactions are no records."""
    moved_at: dict[Partition, float] = field(default_factory=dict)
    """When `applied` last moved, or there last was nothing to do; by the monotonic clock."""
    waited_for: Counter[Partition] = field(default_factory=Counter)
    """How many wait for Postgres to pass something in each partition."""
    somebody_waits: asyncio.Event = field(default_factory=asyncio.Event)
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    def seen(self, partition: Partition, end: int) -> None:
        """The broker has at least the records before `end`."""
        self.applied.setdefault(partition, 0)
        if self.ends.get(partition, 0) <= self._come(partition):
            self.moved_at[partition] = time.monotonic()
        self.ends[partition] = max(end, self.ends.get(partition, 0))

    async def reached(self, positions: Mapping[Partition, int]) -> None:
        """Postgres stands at these positions; those who waited for them go on."""
        for partition, offset in positions.items():
            if offset > self.applied.get(partition, -1):
                self.applied[partition] = offset
                self.moved_at[partition] = time.monotonic()
            self.seen(partition, offset)
        async with self._moved:
            self._moved.notify_all()

    async def stands(self, positions: Mapping[Partition, int]) -> None:
        """Postgres stands exactly here: after a replaced log or a restored backup, before where it stood."""
        for partition, offset in positions.items():
            if offset < self.applied.get(partition, 0):
                del self.applied[partition]
                self.ends.pop(partition, None)
            self.passed.pop(partition, None)
        await self.reached(positions)

    async def wait(self, positions: Mapping[Partition, int], seconds: float) -> bool:
        """Whether Postgres passed these positions within so many seconds."""
        if self._passed(positions):
            return True
        self.waited_for.update(positions.keys())
        self.somebody_waits.set()
        try:
            async with asyncio.timeout(seconds), self._moved:
                await self._moved.wait_for(lambda: self._passed(positions))
        except TimeoutError:
            return False
        finally:
            self.waited_for -= Counter(positions.keys())
        return True

    def _passed(self, positions: Mapping[Partition, int]) -> bool:
        return all(self.applied.get(p, 0) >= offset for p, offset in positions.items())

    def lag(self) -> dict[Partition, int]:
        """Records that the broker has and Postgres has not, by partition."""
        return {p: max(0, end - self._come(p)) for p, end in sorted(self.ends.items())}

    def _come(self, partition: Partition) -> int:
        return max(self.applied.get(partition, 0), self.passed.get(partition, 0))

    def stalled_for(self, partitions: Iterable[Partition]) -> float:
        """Seconds for which the worst of these partitions has had something to do and did none of it."""
        now = time.monotonic()
        waiting = (p for p in partitions if self.ends.get(p, 0) > self._come(p))
        return max((now - self.moved_at.get(p, now) for p in waiting), default=0.0)
