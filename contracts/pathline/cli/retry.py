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

_FIRST_PAUSE: Final = 0.2
"""Longest first pause, in seconds; it doubles at each try."""
_LONGEST_PAUSE: Final = 10.0
"""Longest pause that we choose ourselves, in seconds."""
_SHORTEST_ANSWER: Final = 10.0
"""How long an answer may take however little patience there is, in seconds: a busy gateway is not a dead one."""
_LONGEST_ANSWER: Final = 60.0
"""How long an answer may take at most, in seconds: sent again, the batch is known by its ids."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one batch may be tried. Clock, sleep and chance are arguments, so that tests need none of them."""

    seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    @property
    def for_one_answer(self) -> float:
        """How long one answer is waited for, in seconds: no longer than is patience, but fairly long."""
        return min(_LONGEST_ANSWER, max(_SHORTEST_ANSWER, self.seconds))

    async def insist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """What the attempt returns, tried again whenever it raises Later.

        Raises Unreachable when the next try would lie beyond the patience.
        """
        tries, begun = 0, self.clock()
        while True:
            try:
                return await attempt()
            except TryLater as later:
                pause = self._pause(tries) if later.after is None else later.after
                spent = self.clock() - begun
                if spent + pause > self.seconds:
                    raise Unreachable(f"{later.detail}; {self._why_no_more(spent, later.after)}") from None
            await self.sleep(pause)
            tries += 1

    def _why_no_more(self, spent: float, asked: float | None) -> str:
        if asked is not None and asked > self.seconds:
            return f"it asks to be tried again in {asked:g} s, and --retry-for allows {self.seconds:g} s"
        return f"gave up after {spent:.1f} s"

    def _pause(self, tries: int) -> float:
        """Between half and the whole of a doubling pause, so that publishers do not return in step."""
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(tries, 16)) * (0.5 + self.chance() / 2)
