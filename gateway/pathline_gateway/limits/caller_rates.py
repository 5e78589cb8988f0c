"""Counts what each caller asked for within a minute, by the library `limits`: sliding windows, in this process."""

from __future__ import annotations

import time
from collections import Counter
from typing import Final

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, Storage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.types import Scope

from pathline_gateway.limits.addresses import client_budget_key
from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.limits.table import LIMIT_BY_FIELD, Limits

_MAX_KEYS: Final = 65_536
"""Callers that are counted at once; beyond, those that were seen first are forgotten."""
_PREPAID_DIVISOR: Final = 1_000
_SWEEP_S: Final = 60.0


class _Counters(MemoryStorage):
    """The library's counters without its threads: what is over is dropped when somebody is counted."""

    def __init__(self) -> None:
        Storage.__init__(self)
        self.storage = Counter()
        self.expirations = {}
        self._swept_at = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        if now - self._swept_at > _SWEEP_S or len(self.storage) >= _MAX_KEYS:
            self._sweep(now)
        new_count = self.get(key) + amount
        self.storage[key] = new_count
        self.expirations.setdefault(key, now + expiry)
        return new_count

    def decr(self, key: str, amount: int = 1) -> int:
        self.storage[key] = max(self.get(key) - amount, 0)
        return self.storage[key]

    def get(self, key: str) -> int:
        until = self.expirations.get(key)
        if until is None:
            return 0
        if until <= time.time():
            self.clear(key)
            return 0
        return self.storage[key]

    def clear(self, key: str) -> None:
        self.storage.pop(key, None)
        self.expirations.pop(key, None)

    def _sweep(self, now: float) -> None:
        self._swept_at = now
        for key in [key for key, until in self.expirations.items() if until <= now]:
            self.clear(key)
        for key in list(self.storage)[: max(0, len(self.storage) - _MAX_KEYS + _MAX_KEYS // 8)]:
            self.clear(key)


class CallerRates:
    """What callers may ask within the windows of the table."""

    def __init__(self, limits: Limits) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(_Counters())
        self._prepaid_counts: dict[tuple[str, str], int] = {}
        self._limits = {
            field: (
                RateLimitItemPerSecond(getattr(limits, field), limit.window_s, namespace=field),
                limits.named_limit(field),
            )
            for field, limit in LIMIT_BY_FIELD.items()
            if limit.window_s is not None
        }

    def acquire(self, field: str, caller: str, cost: int = 1) -> tuple[NamedLimit, float] | None:
        """None where the caller may have so much more, which is counted; else the limit, and when to come again."""
        prepaid_count = self._prepaid_counts.get((field, caller), 0) - cost
        if prepaid_count >= 0:
            self._prepaid_counts[field, caller] = prepaid_count
            return None
        item, named_limit = self._limits[field]
        # Counted ahead, a thousandth of what she may: so most requests cost a look into a dictionary.
        prepaid_cost = cost + item.amount // _PREPAID_DIVISOR
        if self._limiter.hit(item, caller, cost=prepaid_cost):
            if len(self._prepaid_counts) >= _MAX_KEYS:
                self._prepaid_counts.clear()
            self._prepaid_counts[field, caller] = prepaid_cost - cost
            return None
        return named_limit, self._retry_after_s(item, caller)

    def find_exhausted(self, field: str, caller: str) -> tuple[NamedLimit, float] | None:
        """The same, and nothing is counted."""
        item, named_limit = self._limits[field]
        return None if self._limiter.test(item, caller) else (named_limit, self._retry_after_s(item, caller))

    def _retry_after_s(self, item: RateLimitItemPerSecond, caller: str) -> float:
        return max(1.0, self._limiter.get_window_stats(item, caller).reset_time - time.time())


class RefusedCallers:
    """Counts whom the gate refuses, by the address that they come from."""

    def __init__(self, rates: CallerRates) -> None:
        self._rates = rates

    def check(self, scope: Scope) -> None:
        """Whether somebody may ask from there again. Raises Problem."""
        if (exhausted := self._rates.find_exhausted("refusals_per_minute", client_budget_key(scope))) is not None:
            raise exhausted[0].refusal(exhausted[1])

    def record(self, scope: Scope) -> None:
        """Somebody was refused."""
        self._rates.acquire("refusals_per_minute", client_budget_key(scope))
