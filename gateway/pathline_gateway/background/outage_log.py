"""Logs outages for a whole process: a line when a component goes away, whoever reports it, and one when it is back.

`dependency_health/monitor.py` finds outages by probes; background works report those that they meet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from pathline_gateway.log_cause import because

_log = logging.getLogger(__name__)

GRACE: Final = timedelta(seconds=1)
"""What a work reports is logged once it has lasted so long: a connection that breaks is no outage."""
SETTLING: Final = timedelta(seconds=2)
"""An outage is over once nobody has met it for so long: not everybody meets it at once."""


@dataclass
class _ReportedOutage:
    since: datetime
    reporters: set[str]
    is_logged: bool = False
    quiet_since: datetime | None = None


@dataclass
class OutageLog:
    """One for a process. A component is away as long as any part of the process reports that it is."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    grace: timedelta = timedelta(0)
    settling: timedelta = timedelta(0)
    _outages: dict[str, _ReportedOutage] = field(default_factory=dict)

    def report(
        self, component: str, reporter: str, cause: str, *, since: datetime | None = None, is_certain: bool = False
    ) -> None:
        """This part of the process has met the component's absence. `is_certain`: there is no doubt."""
        now = self.now()
        outage = self._outages.setdefault(component, _ReportedOutage(since or now, set()))
        outage.reporters.add(reporter)
        outage.quiet_since = None
        if not outage.is_logged and (is_certain or now - outage.since >= self.grace):
            outage.is_logged = True
            _log.error("%s does not answer: %s", component, cause, extra=because(cause))

    def clear(self, reporter: str, component: str | None = None, *, but: str | None = None) -> None:
        """This part of the process reports the component's absence no longer; or that of all, or of all but one."""
        if not self._outages:
            return
        now = self.now()
        for name, outage in list(self._outages.items()):
            if component in (None, name) and name != but:
                outage.reporters.discard(reporter)
            if outage.reporters:
                continue
            outage.quiet_since = outage.quiet_since or now
            if now - outage.quiet_since >= (self.settling if outage.is_logged else timedelta(0)):
                del self._outages[name]
                if outage.is_logged:
                    _log.warning(
                        "%s answers again; it did not since %s",
                        name,
                        f"{outage.since:%H:%M:%S}Z",
                        extra=because("recovered"),
                    )
