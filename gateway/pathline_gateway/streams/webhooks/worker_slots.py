"""The requests in flight that one worker may have."""

from __future__ import annotations

from pathline_gateway.streams.webhooks.concurrency import ConcurrencyLimiter


class WorkerSlots:
    """Reserved while a worker finds out what to begin with; then on its way, until it comes back."""

    def __init__(self, limiter: ConcurrencyLimiter, owner: str) -> None:
        """`owner`: the organisation whose worker it is."""
        self._limiter, self._owner = limiter, owner
        self._reserved = self._in_flight = 0

    def reserve(self, requested: int) -> int:
        """How many of these may be begun; what was reserved before is others' again."""
        self.release()
        self._reserved = self._limiter.acquire(requested, self._in_flight, self._owner)
        return self._reserved

    def release(self, keep: int = 0) -> None:
        """What is reserved is others' again, but for so many."""
        self._limiter.release(self._reserved - keep, self._owner)
        self._reserved = keep

    def start(self, n: int) -> None:
        """So many of the reserved are on their way, and the rest is others'."""
        self.release(n)
        self._reserved, self._in_flight = 0, self._in_flight + n

    def finish(self, n: int) -> None:
        """So many requests have ended."""
        self._limiter.release(n, self._owner)
        self._in_flight -= n
