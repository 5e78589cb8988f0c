"""When the turns of a background work come: after each interval, when woken, and with a backoff during an outage.

`supervisor.py` runs this, and goes on after a defect.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pathline_gateway.background.faults import is_outage
from pathline_gateway.background.health import Health

_OUTAGE_BACKOFF_S: Final = (0.25, 1.0)
"""After what a turn is tried again while Postgres or the broker is away: first, and at most."""


@dataclass
class Backoff:
    """Waits that double with each failure in a row."""

    first_s: float
    max_s: float
    _failures: int = 0

    def reset(self) -> None:
        """A turn has succeeded."""
        self._failures = 0

    def next_s(self) -> float:
        """How long to wait after one more failure."""
        wait = min(self.max_s, self.first_s * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return wait


async def poll_or_wake(
    work: str,
    run_once: Callable[[], Awaitable[object]],
    every_s: float,
    wake: asyncio.Event | None,
    health: Health,
    *,
    pause_s: float = 0.0,
    linger_s: float = 0.0,
) -> None:
    """Runs turn after turn, at once where a turn returns true; waits where Postgres or the broker is away.

    Raises whatever else a turn raises: that is a defect, and matter for `supervised`.
    """
    backoff = Backoff(*_OUTAGE_BACKOFF_S)
    while True:
        if wake is not None:
            wake.clear()
        try:
            has_more = await run_once()
        except Exception as error:
            if not is_outage(error):
                raise
            health.record_failure(work, error)
            await asyncio.sleep(backoff.next_s())
            continue
        backoff.reset()
        health.record_success(work)
        if has_more:
            await asyncio.sleep(pause_s)
        else:
            await _wait(every_s, wake, linger_s)


async def _wait(every_s: float, wake: asyncio.Event | None, linger_s: float) -> None:
    if wake is None:
        await asyncio.sleep(every_s)
        return
    # Not `wait_for`: cancelled in the moment of its wake, it returns as if nobody had cancelled it (Python 3.11).
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(every_s):
            await wake.wait()
        await asyncio.sleep(linger_s)
