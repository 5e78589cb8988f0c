"""Delays the answers to restricted readers to equal spans, so that their time tells nothing."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from pathline_gateway.auth.caller import Caller, Role

BUCKET_S: Final = 0.025
"""What is hidden from a reader costs some milliseconds at most; what she sees may cost more, and she knows of it."""


@dataclass(frozen=True)
class ResponseTimePadding:
    """Waits until the span is over in which a block ended."""

    bucket_s: float = BUCKET_S
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @contextlib.asynccontextmanager
    async def padded(self, *, enabled: bool) -> AsyncIterator[None]:
        """The block takes a whole number of spans, however it ends; nothing is waited for unless it is `enabled`."""
        started_at = self.clock()
        try:
            yield
        finally:
            if enabled:
                await self.sleep(self.remaining(self.clock() - started_at))

    def remaining(self, elapsed_s: float) -> float:
        """How much of the span is left."""
        return max(math.ceil(elapsed_s / self.bucket_s), 1) * self.bucket_s - elapsed_s


RESPONSE_TIME_PADDING: Final = ResponseTimePadding()


def is_restricted(caller: Caller) -> bool:
    """Whether something may be hidden from this caller. An operator is told how long it takes; nobody else is."""
    return not caller.auth_disabled and not caller.has_any_role(Role.OPERATOR)
