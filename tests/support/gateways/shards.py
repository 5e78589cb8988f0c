"""A process of several: it dispatches to the subscriptions of some shards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from pathline_gateway.streams.subscriptions.dispatch_progress_repository import works_of
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS


@dataclass(frozen=True)
class LeaderOfShards:
    """It leads these, and nobody takes them away."""

    shards: Collection[int]

    def led(self, works: Sequence[str]) -> Sequence[str]:
        """Those of these shards."""
        mine = works_of(sorted(self.shards))
        return [work for work in works if work in mine]

    async def confirm(self, connection: asyncpg.Connection, works: Sequence[str]) -> bool:
        """It leads them still."""
        return set(self.led(works)) == set(works)


LEADERS: Final = (
    LeaderOfShards(ALL_SHARDS),
    LeaderOfShards(ALL_SHARDS[::2]),
    LeaderOfShards(ALL_SHARDS[1::2]),
    LeaderOfShards(ALL_SHARDS[:5]),
    LeaderOfShards(ALL_SHARDS[7:]),
)
"""The first alone is a process by itself; the next two lead everything together; the others are more or less behind."""
