"""An answer in time, whatever a frozen server does with the request."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

ANSWER_TIMEOUT_S: Final = 3.0
"""Longest that a page or a status waits for Postgres."""

Answer = TypeVar("Answer")
_abandoned_tasks: set[asyncio.Task[Any]] = set()


async def with_time_limit(work: Coroutine[Any, Any, Answer], seconds: float = ANSWER_TIMEOUT_S) -> Answer:
    """What the work answers. Raises TimeoutError at once when that is not in time: its end is waited for by nobody."""
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            _abandoned_tasks.add(task)
            task.add_done_callback(_forget_task)
    if not task.done():
        raise TimeoutError
    return task.result()


def _forget_task(task: asyncio.Task[Any]) -> None:
    _abandoned_tasks.discard(task)
    if not task.cancelled():
        task.exception()
