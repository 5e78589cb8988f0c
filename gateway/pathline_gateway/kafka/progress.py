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

    end_offsets: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that the broker is known to have."""
    applied_offsets: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that is stored or parked in Postgres."""
    idle_positions: dict[Partition, int] = field(default_factory=dict)
    """Up to where the consumer found nothing after what is applied: ends of transactions are no records."""
    moved_at: dict[Partition, float] = field(default_factory=dict)
    """When `applied_offsets` last moved, or there last was nothing to do; by the monotonic clock."""
    waiter_counts: Counter[Partition] = field(default_factory=Counter)
    """How many wait for Postgres to pass something in each partition."""
    has_waiters: asyncio.Event = field(default_factory=asyncio.Event)
    _advanced_condition: asyncio.Condition = field(default_factory=asyncio.Condition)

    def observe_end(self, partition: Partition, end: int) -> None:
        """The broker has at least the records before `end`."""
        self.applied_offsets.setdefault(partition, 0)
        if self.end_offsets.get(partition, 0) <= self._reached_offset(partition):
            self.moved_at[partition] = time.monotonic()
        self.end_offsets[partition] = max(end, self.end_offsets.get(partition, 0))

    async def advance(self, positions: Mapping[Partition, int]) -> None:
        """Postgres stands at these positions; those who waited for them go on."""
        for partition, offset in positions.items():
            if offset > self.applied_offsets.get(partition, -1):
                self.applied_offsets[partition] = offset
                self.moved_at[partition] = time.monotonic()
            self.observe_end(partition, offset)
        async with self._advanced_condition:
            self._advanced_condition.notify_all()

    async def reset(self, positions: Mapping[Partition, int]) -> None:
        """Postgres stands exactly here: after a replaced log or a restored backup, before where it stood."""
        for partition, offset in positions.items():
            if offset < self.applied_offsets.get(partition, 0):
                del self.applied_offsets[partition]
                self.end_offsets.pop(partition, None)
            self.idle_positions.pop(partition, None)
        await self.advance(positions)

    async def wait(self, positions: Mapping[Partition, int], seconds: float) -> bool:
        """Whether Postgres passed these positions within so many seconds."""
        if self._is_reached(positions):
            return True
        self.waiter_counts.update(positions.keys())
        self.has_waiters.set()
        try:
            async with asyncio.timeout(seconds), self._advanced_condition:
                await self._advanced_condition.wait_for(lambda: self._is_reached(positions))
        except TimeoutError:
            return False
        finally:
            self.waiter_counts -= Counter(positions.keys())
        return True

    def _is_reached(self, positions: Mapping[Partition, int]) -> bool:
        return all(self.applied_offsets.get(p, 0) >= offset for p, offset in positions.items())

    def lag(self) -> dict[Partition, int]:
        """Records that the broker has and Postgres has not, by partition."""
        return {p: max(0, end - self._reached_offset(p)) for p, end in sorted(self.end_offsets.items())}

    def _reached_offset(self, partition: Partition) -> int:
        return max(self.applied_offsets.get(partition, 0), self.idle_positions.get(partition, 0))

    def stalled_for(self, partitions: Iterable[Partition]) -> float:
        """Seconds for which the worst of these partitions has had something to do and did none of it."""
        now = time.monotonic()
        lagging = (p for p in partitions if self.end_offsets.get(p, 0) > self._reached_offset(p))
        return max((now - self.moved_at.get(p, now) for p in lagging), default=0.0)
