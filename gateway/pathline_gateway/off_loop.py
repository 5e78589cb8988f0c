"""Long work on values alone is done beside the event loop, which others wait for; short work at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

_MAX_INLINE_STEPS: Final = 500
"""Steps that are worked on in some milliseconds: to hand them to a thread takes longer than it spares."""

Result = TypeVar("Result")


async def run_off_loop(size: int, work: Callable[[], Result]) -> Result:
    """What the work makes; `size`: of how many steps. A thread takes turns with the event loop every 5 ms."""
    return work() if size <= _MAX_INLINE_STEPS else await asyncio.to_thread(work)
