"""Probes Postgres and the broker each second: which of them do not answer, since when, and why."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, Protocol

from pathline_gateway.background.outage_log import OutageLog

PROBE_TIMEOUT_S: Final = 2.0
"""Longest that an answer may take."""
_CHECK_INTERVAL_S: Final = 1.0
_REPORTER: Final = "dependency-monitor"

Component = Literal["Postgres", "The broker"]


class Probe(Protocol):
    """Asks one component, and is asked again after whatever happened."""

    component: Component

    async def check(self) -> None:
        """It answered. Raises whatever kept it from that."""

    async def close(self) -> None:
        """Its connection is gone, without waiting for the other side."""


class ComponentOutage(NamedTuple):
    """A component that does not answer."""

    component: Component
    since: datetime
    cause: str
    """The kind of failure; nothing that a server wrote."""


@dataclass
class DependencyMonitor:
    """One for a process. It is told of each outage at once, and logs none by itself: see `OutageLog`."""

    probes: Sequence[Probe]
    log: OutageLog = field(default_factory=OutageLog)
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    probe_timeout_s: float = PROBE_TIMEOUT_S
    _outages: dict[Component, ComponentOutage] = field(default_factory=dict)

    def outages(self) -> list[ComponentOutage]:
        """What does not answer now, the first to fail first."""
        return sorted(self._outages.values(), key=lambda each: each.since)

    def outage(self, component: Component) -> ComponentOutage | None:
        """Since when this component does not answer; None while it does."""
        return self._outages.get(component)

    async def check(self, probe: Probe) -> None:
        """What is known of this component is as of now."""
        check_task, started_at = asyncio.create_task(probe.check()), self.now()
        # Not `timeout`: that waits until what it cancels has ended, and a frozen server ends nothing.
        await asyncio.wait({check_task}, timeout=self.probe_timeout_s)
        if not check_task.done():
            check_task.cancel()
            await self._record_failure(probe, started_at, "no answer in time")
        elif check_task.cancelled():  # by the client: it must not end the loop
            await self._record_failure(probe, started_at, "CancelledError")
        elif (failure := check_task.exception()) is not None:
            await self._record_failure(probe, started_at, type(failure).__name__)
        else:
            self._outages.pop(probe.component, None)
            self.log.clear(_REPORTER, probe.component)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Every component is asked every second, as long as the block lasts."""
        tasks = [asyncio.create_task(self._check_forever(probe)) for probe in self.probes]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for probe in self.probes:
                with contextlib.suppress(Exception):
                    await probe.close()

    async def _check_forever(self, probe: Probe) -> None:
        # No `Loop`: a turn of it that fails is told of as a failure of the work, and the next comes later and later.
        # "No answer" is what was asked for here, and who hangs must not keep the other component from its turn.
        while True:
            await self.check(probe)
            await asyncio.sleep(_CHECK_INTERVAL_S)

    async def _record_failure(self, probe: Probe, since: datetime, cause: str) -> None:
        with contextlib.suppress(Exception):
            await probe.close()
        if probe.component not in self._outages:
            self._outages[probe.component] = ComponentOutage(probe.component, since, cause)
        self.log.report(probe.component, _REPORTER, cause, since=since, is_certain=True)
