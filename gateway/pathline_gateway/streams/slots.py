"""How many requests may be on their way to all sinks of a process."""

from __future__ import annotations

from typing import Final

MOST: Final = 1_024


class Slots:
    """A bound on memory and sockets: whoever posts takes some first.

    The last half is for those that have nothing on their way, one each: sinks that take long to answer hold what they
    have for long, and would leave none to those that are quick.
    """

    def __init__(self, most: int = MOST) -> None:
        self._free, self._kept = most, most // 2

    def take(self, wanted: int, held: int) -> int:
        """How many of these may be begun, by one that holds so many; they are its own until given back."""
        got = min(wanted, max(self._free - self._kept, 0))
        if got == held == 0:
            got = min(wanted, self._free, 1)
        self._free -= got
        return got

    def give_back(self, n: int) -> None:
        """Others may have them."""
        self._free += n
