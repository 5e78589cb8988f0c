"""Leaves out rows of a page that renews itself and shows the same people again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pathline_gateway.access_log.writer import Access

_EVERY_S: Final = 600.0
_MOST: Final = 10_000

_Key = tuple[str | None, str | None, str | None, tuple[int, ...], tuple[int, ...]]


@dataclass
class Repeated:
    """Remembers, in this process, what was logged in the last ten minutes."""

    clock: Callable[[], float] = time.monotonic
    _logged: dict[_Key, float] = field(default_factory=dict)

    def lately(self, row: Access) -> bool:
        """Whether the same was logged within ten minutes; if not, it is from now on."""
        now = self.clock()
        key = (row.who, row.org, row.route, tuple(row.refs), tuple(row.hidden_refs))
        if row.who is not None and now - self._logged.get(key, -_EVERY_S) < _EVERY_S:
            return True
        if len(self._logged) >= _MOST:
            self._logged.clear()
        self._logged[key] = now
        return False
