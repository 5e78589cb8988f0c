"""The limits of webhook delivery, and the backoff between two attempts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """The numbers of delivery; those of production where nothing is said."""

    base_s: float = 2.0
    """The first wait is below this, and each next below twice as much."""
    cap_s: float = 3_600.0
    """No wait for one event is longer."""
    sink_cap_s: float = 300.0
    """No wait for a sink that takes nothing at all is longer: it is asked by one event."""
    retry_after_cap_s: float = 3_600.0
    """No sink may ask for a longer wait."""
    max_age: timedelta = timedelta(days=7)
    """An event that failed for so long is dead; posting to a sink that accepted nothing for so long stops."""
    max_attempts_client_error: int = 4
    """Attempts, at least, for an event that a sink says is wrong."""
    client_error_age: timedelta = timedelta(hours=1)
    """So long, at least, such an event is tried: after a bad deployment a sink says it of every event."""
    failure_threshold: int = 5
    """Failures without a success between them, after which a sink gets one request at a time."""
    max_concurrency: int = 8
    """Requests that go to one sink."""
    lookahead: int = 64
    """Events that are looked at beyond the first one that is not done."""
    max_held: int = 1_000
    """Events that are held back for one sink; beyond these, nothing later is looked at."""
    lease_s: float = 20.0
    """How long a process holds the lease of a webhook subscription without renewing it."""
    request_s: float = 10.0
    """A request takes no longer. It begins only where the lease lasts as long: no other process has the sink then."""
    connect_s: float = 5.0

    def backoff(self, failures: int, rng: Random, cap_s: float) -> timedelta:
        """How long to wait after so many failures: any time up to a bound that doubles (full jitter)."""
        bound = min(cap_s, self.base_s * 2.0 ** min(failures - 1, 40))
        return timedelta(seconds=bound * rng.random())
