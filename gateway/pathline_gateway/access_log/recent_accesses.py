"""Leaves out rows of a page that renews itself and shows the same people again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pathline_gateway.access_log.access import Access

_WINDOW_S: Final = 600.0
_MAX_ENTRIES: Final = 10_000

_Key = tuple[str | None, str | None, str | None, tuple[int, ...], tuple[int, ...]]


@dataclass
class RecentAccesses:
    """Remembers, in this process, what was logged in the last ten minutes."""

    clock: Callable[[], float] = time.monotonic
    _logged_at: dict[_Key, float] = field(default_factory=dict)

    def was_logged_recently(self, row: Access) -> bool:
        """Whether the same was logged within ten minutes; if not, it is from now on."""
        now = self.clock()
        key = (row.actor_digest, row.org, row.route, tuple(row.refs), tuple(row.hidden_refs))
        if row.actor_digest is not None and now - self._logged_at.get(key, -_WINDOW_S) < _WINDOW_S:
            return True
        if len(self._logged_at) >= _MAX_ENTRIES:
            self._logged_at.clear()
        self._logged_at[key] = now
        return False
