"""How far intake has come: what the broker has, what Postgres has, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from pathline_gateway.store.positions import Partition


@dataclass
class Progress:
    """Ends and positions of every partition that this process knows of."""

    ends: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that the broker is known to have."""
    applied: dict[Partition, int] = field(default_factory=dict)
    """Offset after the last record that is stored or parked in Postgres."""
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)

    def seen(self, partition: Partition, end: int) -> None:
        """The broker has at least the records before `end`."""
        self.ends[partition] = max(end, self.ends.get(partition, 0))
        self.applied.setdefault(partition, 0)

    async def reached(self, positions: Mapping[Partition, int]) -> None:
        """Postgres stands at these positions; those who waited for them go on."""
        for partition, offset in positions.items():
            self.applied[partition] = max(offset, self.applied.get(partition, 0))
            self.seen(partition, offset)
        async with self._moved:
            self._moved.notify_all()

    async def wait(self, positions: Mapping[Partition, int]) -> None:
        """Returns when Postgres has passed these positions."""
        async with self._moved:
            await self._moved.wait_for(lambda: all(self.applied.get(p, 0) >= offset for p, offset in positions.items()))

    def lag(self) -> dict[Partition, int]:
        """Records that the broker has and Postgres has not, by partition."""
        return {p: max(0, end - self.applied.get(p, 0)) for p, end in sorted(self.ends.items())}
