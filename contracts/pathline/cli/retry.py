"""Trying again, for as long as the caller wants."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from pathline.cli.errors import Unreachable
from pathline.cli.receipt import TryLater

T = TypeVar("T")

_INITIAL_BACKOFF_S: Final = 0.2
"""Longest first pause, in seconds; it doubles at each try."""
_MAX_BACKOFF_S: Final = 10.0
"""Longest pause that we choose ourselves, in seconds."""
_MIN_RESPONSE_TIMEOUT_S: Final = 10.0
"""How long an answer may take however little patience there is, in seconds: a busy gateway is not a dead one."""
_MAX_RESPONSE_TIMEOUT_S: Final = 60.0
"""How long an answer may take at most, in seconds: sent again, the batch is known by its ids."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long one batch may be tried. Clock, sleep and chance are arguments, so that tests need none of them."""

    max_elapsed_s: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: Callable[[], float] = random.random

    @property
    def response_timeout_s(self) -> float:
        """How long one answer is waited for, in seconds: no longer than is patience, but fairly long."""
        return min(_MAX_RESPONSE_TIMEOUT_S, max(_MIN_RESPONSE_TIMEOUT_S, self.max_elapsed_s))

    async def retry(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt returns, tried again whenever it raises TryLater.

        Raises Unreachable when the next try would lie beyond the patience.
        """
        tries, started_at = 0, self.clock()
        while True:
            try:
                return await attempt()
            except TryLater as later:
                backoff_s = self._backoff(tries) if later.retry_after is None else later.retry_after
                elapsed = self.clock() - started_at
                if elapsed + backoff_s > self.max_elapsed_s:
                    raise Unreachable(f"{later.detail}; {self._describe_give_up(elapsed, later.retry_after)}") from None
            await self.sleep(backoff_s)
            tries += 1

    def _describe_give_up(self, elapsed: float, retry_after: float | None) -> str:
        if retry_after is not None and retry_after > self.max_elapsed_s:
            return f"it asks to be tried again in {retry_after:g} s, and --retry-for allows {self.max_elapsed_s:g} s"
        return f"gave up after {elapsed:.1f} s"

    def _backoff(self, tries: int) -> float:
        """Between half and the whole of a doubling pause, so that publishers do not return in step."""
        return min(_MAX_BACKOFF_S, _INITIAL_BACKOFF_S * 2.0 ** min(tries, 16)) * (0.5 + self.jitter() / 2)
