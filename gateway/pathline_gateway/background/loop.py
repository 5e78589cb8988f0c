"""The one loop of background works: each work gives a turn, and a failing turn ends no loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, NamedTuple

from pathline_gateway.background.faults import is_outage
from pathline_gateway.background.health import Health
from pathline_gateway.background.works import WORKS

_log = logging.getLogger(__name__)

POLL_S: Final = 0.25
"""How long what another process made may wait unseen."""
_AGAIN_S: Final = (0.25, 1.0)
"""After what a turn is tried again while Postgres or the broker is away: first, and at most."""
_FAILED_S: Final = (1.0, 60.0)
"""The same where the work itself fails: nothing is gained by haste."""
_STOP_S: Final = 8.0
"""Longest wait for a Kafka client to stop: it sends what it holds and leaves its group, in well under a second."""


async def _nothing() -> None:
    """Nobody has to be told that a loop ends."""


class Loop(NamedTuple):
    """A work of `WORKS`, and when its turns come."""

    work: str
    turn: Callable[[], Awaitable[object]]
    """One turn; true where there may be more to do at once."""
    every_s: float
    wake: asyncio.Event | None = None
    """Set where a turn should come at once."""
    pause_s: float = 0.0
    """How long what comes is gathered while there is always some; the first is never kept waiting."""
    gather_s: float = 0.0
    """How long whatever else comes is waited for, once woken."""
    end: Callable[[], Awaitable[None]] = _nothing
    """Called when the loop ends."""


@contextlib.asynccontextmanager
async def supervised(loop: Loop, health: Health) -> AsyncIterator[None]:
    """Its turns come as long as the block lasts. One that fails is said, and is tried again: nothing ends a loop."""
    assert loop.work in WORKS, "a work that nobody knows cannot be told of"
    task = asyncio.create_task(_turns(loop, health))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _turns(loop: Loop, health: Health) -> None:
    failures = 0
    try:
        while True:
            if loop.wake is not None:
                loop.wake.clear()
            try:
                more = await loop.turn()
            except Exception as failed:
                health.failed(loop.work, failed)
                first, most = _AGAIN_S if is_outage(failed) else _FAILED_S
                await asyncio.sleep(min(most, first * 2 ** min(failures, 10)))
                failures += 1
                continue
            failures = 0
            health.succeeded(loop.work)
            if more:
                await asyncio.sleep(loop.pause_s)
            else:
                await _waited(loop)
    finally:
        await loop.end()


async def _waited(loop: Loop) -> None:
    if loop.wake is None:
        await asyncio.sleep(loop.every_s)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(loop.wake.wait(), loop.every_s)
        await asyncio.sleep(loop.gather_s)


async def stopped(stop: Callable[[], Awaitable[None]]) -> None:
    """It has stopped, or was given up: a Kafka client whose broker is gone would wait for it for minutes.

    Nothing is lost by that: what is not in Postgres is read again, and what was not answered with 202 was not taken.
    """
    try:
        async with asyncio.timeout(_STOP_S):
            await stop()
    except Exception as failed:  # whatever a client says when its broker is gone, the rest must stop, too
        _log.warning("a Kafka client did not stop within %d s, and was given up (%s)", _STOP_S, type(failed).__name__)
