"""Which works of this process fail as a whole, since when and why."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from pathline_gateway.background.faults import absent_component, error_reason, is_outage
from pathline_gateway.background.outage_log import OutageLog
from pathline_gateway.background.works import WORKS
from pathline_gateway.log_cause import because, error_label

_log = logging.getLogger(__name__)

_OUTAGE_GRACE: Final = timedelta(seconds=3)
"""An outage that is over sooner is nobody's trouble."""


class WorkFailure(NamedTuple):
    """A work that fails as a whole."""

    work: str
    since: datetime
    reason: str
    is_outage: bool
    is_defect_logged: bool
    """Whether a defect was logged since it began to fail."""


class Health:
    """One for a process. A defect is logged once, and once when it is over; an outage once for all works."""

    def __init__(
        self, now: Callable[[], datetime] = lambda: datetime.now(UTC), outages: OutageLog | None = None
    ) -> None:
        self._now = now
        self.outages = outages or OutageLog(now)
        self._failures: dict[str, WorkFailure] = {}

    def record_failure(self, work: str, error: Exception) -> None:
        """It failed, and is tried again."""
        reason, outage, previous = error_reason(error), is_outage(error), self._failures.get(work)
        since = self._now() if previous is None else previous.since
        is_defect_logged = not outage or (previous is not None and previous.is_defect_logged)
        self._failures[work] = WorkFailure(work, since, reason, outage, is_defect_logged)
        if outage:
            component = absent_component(error)
            self.outages.report(component, work, error_label(error))
            self.outages.clear(work, but=component)
            return
        self.outages.clear(work)
        if previous is None or previous.reason != reason:
            _log.error("%s: fails and is tried again: %s", WORKS[work].title, reason, extra=because(reason))

    def record_success(self, work: str) -> None:
        """The work has succeeded."""
        self.outages.clear(work)
        if self._failures and (previous := self._failures.pop(work, None)) is not None and previous.is_defect_logged:
            _log.warning(
                "%s: works again; it failed since %s",
                WORKS[work].title,
                f"{previous.since:%H:%M:%S}Z",
                extra=because("recovered"),
            )

    def current_failures(self) -> list[WorkFailure]:
        """Works that fail now; by an outage, for longer than a moment."""
        now = self._now()
        return [each for each in self._failures.values() if not each.is_outage or now - each.since >= _OUTAGE_GRACE]
