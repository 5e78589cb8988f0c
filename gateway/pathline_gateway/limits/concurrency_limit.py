"""Refuses work at once when too much of one kind runs already: for one caller, or in all. Nothing waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pathline_gateway.limits.limit import NamedLimit

_RETRY_AFTER_S = 2.0


class ConcurrencyLimit:
    """A limit for one kind of work of a process."""

    def __init__(self, per_caller: NamedLimit, overall: NamedLimit) -> None:
        self._per_caller, self._overall = per_caller, overall
        self._running = Counter[str]()

    @contextmanager
    def acquire(self, caller: str) -> Iterator[None]:
        """One more goes on as long as the block. Raises Problem where there are too many."""
        if self._running[caller] >= self._per_caller.number:
            raise self._per_caller.refusal(_RETRY_AFTER_S)
        if self._running.total() >= self._overall.number:
            raise self._overall.refusal(_RETRY_AFTER_S)
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]
