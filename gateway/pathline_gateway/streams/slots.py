"""How many requests may be on their way to all sinks of a process."""

from __future__ import annotations

from typing import Final

MOST: Final = 128


class Slots:
    """A bound on memory and sockets: whoever posts takes some first."""

    def __init__(self, most: int = MOST) -> None:
        self._free = most

    def take(self, wanted: int) -> int:
        """How many of these may be begun; they are the caller's until given back."""
        got = min(wanted, self._free)
        self._free -= got
        return got

    def give_back(self, n: int) -> None:
        """Others may have them."""
        self._free += n
