"""Lets a caller's requests run in turn: so many run, so many wait, and the rest are turned away."""

from __future__ import annotations

import asyncio
from collections import deque


class CallerSemaphore:
    """A bounded semaphore for each caller."""

    def __init__(self, running: int, waiting: int) -> None:
        self._max_running, self._max_waiting = running, waiting
        self._running: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def try_acquire(self, caller: str) -> bool:
        """Whether another request of this caller runs now; it calls `release` when it is over."""
        running = self._running.get(caller, 0)
        if running >= self._max_running:
            return False
        self._running[caller] = running + 1
        return True

    async def wait(self, caller: str) -> bool:
        """The same, once it is its turn; at once False where too many of this caller wait already."""
        waiting = self._waiting.setdefault(caller, deque())
        if len(waiting) >= self._max_waiting:
            return False
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(caller)  # it was given its turn, and will not use it
            else:
                waiting.remove(turn)
            raise
        return True

    def release(self, caller: str) -> None:
        """One that ran is over: the next of this caller has its place."""
        waiting = self._waiting.get(caller)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(caller, None)
        running = self._running[caller] - 1
        if running:
            self._running[caller] = running
        else:
            del self._running[caller]
