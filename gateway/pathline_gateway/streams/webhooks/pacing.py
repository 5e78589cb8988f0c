"""How many requests may go to one sink now: its concurrency limit, its allowed rate and its turn. Pure."""

from __future__ import annotations


class Pacing:
    """As far as one worker knows; every instant is given by the caller, in monotonic seconds."""

    def __init__(self, max_concurrency: int) -> None:
        self._max_concurrency = max_concurrency
        self._concurrency_limit = 1
        self._closed_until = 0.0
        self.is_awaiting_turn = False
        """A delivery could start, but that its sink allows no other request yet."""

    @property
    def concurrency_limit(self) -> int:
        """The most requests in flight, whatever the rate."""
        return self._concurrency_limit

    def record(self, *, delivered: bool) -> None:
        """A request has ended: a success raises the limit by one, a failure halves it."""
        if delivered:
            self._concurrency_limit = min(self._max_concurrency, self._concurrency_limit + 1)
        else:
            self._concurrency_limit = max(1, self._concurrency_limit // 2)

    def is_closed(self, now: float) -> bool:
        """Whether the sink allows no other request yet."""
        return now < self._closed_until

    def closed_for(self, now: float) -> float:
        """How many seconds it stays so."""
        return max(0.0, self._closed_until - now)

    def close_for(self, seconds: float, now: float) -> None:
        """The sink allows no request for so long."""
        self._closed_until = now + seconds

    def await_turn(self, seconds: float, now: float) -> None:
        """Another organisation is next; the sink is asked again after so long."""
        self.is_awaiting_turn = True
        self.close_for(seconds, now)

    def started(self, count: int, max_requests_per_minute: int | None, closed_s: float, now: float) -> None:
        """So many requests have started, at so many a minute; else others keep the sink closed for `closed_s`."""
        if count and max_requests_per_minute is not None:
            self.close_for(count * 60.0 / max_requests_per_minute, now)
        elif closed_s > 0:
            self.close_for(closed_s, now)

    def free_slots(self, in_flight: int, max_requests_per_minute: int | None, now: float) -> int:
        """How many more requests may start: at a limited rate, no more at once than a second allows."""
        if self.is_closed(now):
            return 0
        limit = self._concurrency_limit
        if max_requests_per_minute is not None:
            limit = min(limit, max(1, max_requests_per_minute // 60))
        return max(0, limit - in_flight)
