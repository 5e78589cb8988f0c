"""Work that goes on beside the requests, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from pathline_gateway.store.connect import UNAVAILABLE

_log = logging.getLogger(__name__)

_AGAIN_AFTER_S = 1.0
_POLL_S = 0.25
"""How long what another process made may wait unseen."""
_STOP_S = 8.0
"""Longest wait for a Kafka client to stop: it sends what it holds and leaves its group, in well under a second."""


@contextlib.asynccontextmanager
async def going_on(name: str, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """The work goes on as long as the block; when it fails, that is said, and it begins again a second later."""
    task = asyncio.create_task(_again_and_again(name, work))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def as_it_comes(
    name: str, wake: asyncio.Event, some: Callable[[], Awaitable[object]], pause_s: float = 0.0
) -> None:
    """Does some work after the other until there is none; again when woken, or when another process may have made some.

    Until cancelled; where Postgres fails that is said, and it is tried again. `pause_s`: how long what comes is
    gathered while there is always some, where doing much at once costs less; the first is never kept waiting.
    """
    while True:
        wake.clear()
        try:
            while await some():
                await asyncio.sleep(pause_s)
        except UNAVAILABLE as failed:
            _log.warning("%s: not done, and tried again: %s", name, type(failed).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), _POLL_S)


async def stopped(stop: Callable[[], Awaitable[None]]) -> None:
    """It has stopped, or was given up: a Kafka client whose broker is gone would wait for it for minutes.

    Nothing is lost by that: what is not in Postgres is read again, and what was not answered with 202 was not taken.
    """
    try:
        async with asyncio.timeout(_STOP_S):
            await stop()
    except Exception as failed:  # whatever a client says when its broker is gone, the rest must stop, too
        _log.warning("a Kafka client did not stop within %d s, and was given up (%s)", _STOP_S, type(failed).__name__)


async def _again_and_again(name: str, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Exception as failed:
            _log.error("%s failed and begins again: %s", name, type(failed).__name__)
        await asyncio.sleep(_AGAIN_AFTER_S)
