"""Sessions that have ended, known in every process of this gateway within seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg

from pathline_gateway.auth import ended_session_repository
from pathline_gateway.auth.session import Session
from pathline_gateway.background.loop import Loop

_LOOK_EVERY_S: Final = 5.0
_FORGET_EVERY_S: Final = 3_600.0


@dataclass
class Sessions:
    """Those of one gateway. `lifetime_s`: the longest that a token is believed."""

    pool: asyncpg.Pool
    lifetime_s: int
    clock: Callable[[], float] = time.time
    _ended: dict[bytes, datetime] = field(default_factory=dict)
    _forgotten_at: float = -math.inf

    def is_over(self, session: Session) -> bool:
        """Whether its token is believed no longer."""
        return session.is_ended(self._ended, self.clock())

    async def end(self, session: Session) -> None:
        """It is over: here at once, elsewhere within seconds. Raises what the database raises, being over here."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        self._ended |= dict.fromkeys(session.keys, now)
        async with self.pool.acquire() as connection:
            await ended_session_repository.end(connection, session.keys, now, now + timedelta(seconds=self.lifetime_s))

    async def look(self) -> None:
        """What other processes ended is known, and what has expired is forgotten."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        async with self.pool.acquire() as connection:
            found = await ended_session_repository.read(connection, now)
        # What this process could not write is kept as long as it runs.
        oldest = now - timedelta(seconds=self.lifetime_s)
        self._ended = {key: at for key, at in self._ended.items() if at > oldest} | found

    def loop(self) -> Loop:
        """It is looked again and again."""
        return Loop("sessions", self._turn, _LOOK_EVERY_S)

    async def _turn(self) -> None:
        await self.look()
        if time.monotonic() - self._forgotten_at > _FORGET_EVERY_S:
            async with self.pool.acquire() as connection:
                await ended_session_repository.forget(connection, datetime.fromtimestamp(self.clock(), UTC))
            self._forgotten_at = time.monotonic()
