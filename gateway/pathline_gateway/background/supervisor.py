"""Starts and ends the loop of a background work, and keeps it going: a turn that fails is recorded, and comes again.

`poll_or_wake.py` says when a turn comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from pathline_gateway.background.health import Health
from pathline_gateway.background.poll_or_wake import Backoff, poll_or_wake
from pathline_gateway.background.works import WORKS
from pathline_gateway.log_cause import because

_log = logging.getLogger(__name__)

POLL_S: Final = 0.25
"""How long what another process made may wait unseen."""
_FAILURE_BACKOFF_S: Final = (1.0, 60.0)
"""After what a work goes on that has a defect: first, and at most. Nothing is gained by haste."""
_CANCEL_AGAIN_S: Final = 10.0
"""Longer than whatever a work does when it ends."""
_STOP_TIMEOUT_S: Final = 8.0
"""Longest wait for a Kafka client to stop: it sends what it holds and leaves its group, in well under a second."""


async def _no_op() -> None:
    """Nobody has to be told that a loop ends."""


class Loop(NamedTuple):
    """A work of `WORKS`, and when its turns come."""

    work: str
    run_once: Callable[[], Awaitable[object]]
    """One turn; true where there may be more to do at once."""
    interval_s: float
    wake: asyncio.Event | None = None
    """Set where a turn should come at once."""
    pause_s: float = 0.0
    """How long what comes is gathered while there is always some; the first is never kept waiting."""
    linger_s: float = 0.0
    """How long whatever else comes is waited for, once woken."""
    on_stop: Callable[[], Awaitable[None]] = _no_op
    """Called when the loop ends."""


@contextlib.asynccontextmanager
async def supervised(loop: Loop, health: Health) -> AsyncIterator[None]:
    """Its turns come as long as the block lasts. One that fails is said, and is tried again: nothing ends a loop."""
    assert loop.work in WORKS, "a work that nobody knows cannot be told of"
    task = asyncio.create_task(_run_loop(loop, health))
    try:
        yield
    finally:
        await _cancel(task)


async def _cancel(task: asyncio.Task[None]) -> None:
    """It has ended. A library may swallow a cancellation, so it is cancelled again until it ends."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_CANCEL_AGAIN_S)
    if not task.cancelled():
        task.result()


async def _run_loop(loop: Loop, health: Health) -> None:
    backoff = Backoff(*_FAILURE_BACKOFF_S)

    async def run_once() -> object:
        has_more = await loop.run_once()
        backoff.reset()
        return has_more

    try:
        while True:
            try:
                await poll_or_wake(
                    loop.work,
                    run_once,
                    loop.interval_s,
                    loop.wake,
                    health,
                    pause_s=loop.pause_s,
                    linger_s=loop.linger_s,
                )
            except Exception as error:  # a defect: it is logged and told of, and the work goes on
                health.record_failure(loop.work, error)
                await asyncio.sleep(backoff.next_s())
    finally:
        await loop.on_stop()


async def stop_with_timeout(stop: Callable[[], Awaitable[None]]) -> None:
    """It has stopped, or nobody waits any longer: a Kafka client would wait minutes for a broker that is gone.

    Nothing is lost by that: records that are not in Postgres are read again. An event without the answer 202 was not
    accepted.
    """
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await stop()
    except Exception as error:  # whatever a client says when its broker is gone, the rest must stop, too
        _log.warning(
            "a Kafka client did not stop within %d s, and was given up (%s)",
            _STOP_TIMEOUT_S,
            type(error).__name__,
            extra=because(error),
        )
