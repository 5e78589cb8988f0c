"""The requests in flight that one worker may have."""

from __future__ import annotations

from pathline_gateway.streams.webhooks.concurrency import ConcurrencyLimiter


class WorkerSlots:
    """Reserved while a line finds out what to begin with; then on its way, until it comes back."""

    def __init__(self, slots: ConcurrencyLimiter, owner: str) -> None:
        """`owner`: the organisation whose line it is."""
        self._slots, self._owner = slots, owner
        self._reserved = self._on_way = 0

    def reserve(self, wanted: int) -> int:
        """How many of these may be begun; what was reserved before is others' again."""
        self.release()
        self._reserved = self._slots.take(wanted, self._on_way, self._owner)
        return self._reserved

    def release(self, but: int = 0) -> None:
        """What is reserved is others' again, but for so many."""
        self._slots.give_back(self._reserved - but, self._owner)
        self._reserved = but

    def begin(self, n: int) -> None:
        """So many of the reserved are on their way, and the rest is others'."""
        self.release(n)
        self._reserved, self._on_way = 0, self._on_way + n

    def end(self, n: int) -> None:
        """So many came back."""
        self._slots.give_back(n, self._owner)
        self._on_way -= n
