"""A share of the event loop: long work lets others have their turn after so many milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_SLICE_S: Final = 0.005
"""How long others may wait for their turn."""


class TimeSlice:
    """One for each piece of work, however many loops it has. Ask `is_spent` after each step: it costs nothing."""

    __slots__ = ("_seconds", "_until")

    def __init__(self, seconds: float = _SLICE_S) -> None:
        self._seconds = seconds
        self._until = time.monotonic() + seconds

    @property
    def is_spent(self) -> bool:
        """Whether others should have their turn: await `renew` then."""
        return time.monotonic() >= self._until

    async def renew(self) -> None:
        """Everybody else who was ready had a turn."""
        await asyncio.sleep(0)
        self._until = time.monotonic() + self._seconds
