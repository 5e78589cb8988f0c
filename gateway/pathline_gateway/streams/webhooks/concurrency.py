"""Limits the requests that are in flight to all endpoints, and shares them between organisations. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

MOST: Final = 1_024


class ConcurrencyLimiter:
    """A bound on memory and sockets: whoever posts takes some first.

    An organisation never has more than are left to the others: so whoever comes finds some, however long the sinks of
    those before take to answer. Beyond that, its sinks that have nothing on their way have one each, up to three times
    as many as are left: its slow sinks leave some to its quick ones.
    """

    def __init__(self, most: int = MOST) -> None:
        self._free = most
        self._held = Counter[str]()

    def take(self, wanted: int, held: int, owner: str) -> int:
        """How many of these a sink of this organisation may begin, which holds so many; its own until given back."""
        mine = self._held[owner]
        got = min(wanted, max(0, (self._free - mine + 1) // 2))
        if got == held == 0 and mine < 3 * self._free:
            got = min(wanted, 1)
        self._free -= got
        self._held[owner] += got
        return got

    def give_back(self, n: int, owner: str) -> None:
        """Others may have them."""
        self._free += n
        self._held[owner] -= n
        if not self._held[owner]:
            del self._held[owner]
