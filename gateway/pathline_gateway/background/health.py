"""Which works of this process fail as a whole, since when and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pathline_gateway.background.faults import is_outage, reason_of
from pathline_gateway.background.works import WORKS

_log = logging.getLogger(__name__)

_BRIEF: Final = timedelta(seconds=3)
"""An outage that is over sooner is nobody's trouble."""


class WorkFailure(NamedTuple):
    """A work that fails as a whole."""

    work: str
    since: datetime
    reason: str
    outage: bool


class Health:
    """One for a process. Each failure is logged once, and once when it is over."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._failures: dict[str, WorkFailure] = {}

    def failed(self, work: str, failed: Exception) -> None:
        """It failed, and is tried again."""
        reason, before = reason_of(failed), self._failures.get(work)
        since = self._now() if before is None else before.since
        self._failures[work] = WorkFailure(work, since, reason, is_outage(failed))
        if before is None or before.reason != reason:
            _log.error("%s: fails and is tried again: %s", WORKS[work].title, reason)

    def succeeded(self, work: str) -> None:
        """It works."""
        if self._failures and (before := self._failures.pop(work, None)) is not None:
            _log.warning("%s: works again; it failed since %s", WORKS[work].title, f"{before.since:%H:%M:%S}Z")

    def failing(self) -> list[WorkFailure]:
        """Works that fail now; by an outage, for longer than a moment."""
        now = self._now()
        return [each for each in self._failures.values() if not each.outage or now - each.since >= _BRIEF]
