"""How many pieces of one kind of work are done at once: for each caller, and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pathline_gateway.limits.limit import NamedLimit

_SOON_S = 2.0


class AtOnce:
    """One for each kind of work of a process."""

    def __init__(self, each: NamedLimit, all: NamedLimit) -> None:
        self._each, self._all = each, all
        self._going_on = Counter[str]()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """One more goes on as long as the block. Raises Problem where there are too many."""
        if self._going_on[caller] >= self._each.number:
            raise self._each.refusal(_SOON_S)
        if self._going_on.total() >= self._all.number:
            raise self._all.refusal(_SOON_S)
        self._going_on[caller] += 1
        try:
            yield
        finally:
            self._going_on[caller] -= 1
            if not self._going_on[caller]:
                del self._going_on[caller]
