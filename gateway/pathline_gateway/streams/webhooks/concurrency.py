"""Limits the requests that are in flight to all sinks, and shares them between organisations. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

MAX_IN_FLIGHT: Final = 1_024


class ConcurrencyLimiter:
    """A bound on memory and sockets: whoever posts takes some first.

    An organisation never has more than are left to the others. So a newcomer finds some, however slowly the sinks of
    the others answer. Beyond that, its sinks with nothing in flight have one each, up to three times as many as are
    left. So its slow sinks leave some to its quick ones.
    """

    def __init__(self, limit: int = MAX_IN_FLIGHT) -> None:
        self._free = limit
        self._in_use = Counter[str]()

    def acquire(self, requested: int, in_use: int, owner: str) -> int:
        """How many of these a sink of this organisation may begin, which holds so many; its own until given back."""
        owner_in_use = self._in_use[owner]
        count = min(requested, max(0, (self._free - owner_in_use + 1) // 2))
        if count == in_use == 0 and owner_in_use < 3 * self._free:
            count = min(requested, 1)
        self._free -= count
        self._in_use[owner] += count
        return count

    def release(self, n: int, owner: str) -> None:
        """Gives these slots back."""
        self._free += n
        self._in_use[owner] -= n
        if not self._in_use[owner]:
            del self._in_use[owner]
