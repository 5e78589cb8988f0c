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
from pathline_gateway.background.supervisor import Loop

_REFRESH_INTERVAL_S: Final = 5.0
_CLEANUP_INTERVAL_S: Final = 3_600.0


@dataclass
class Sessions:
    """Those of one gateway. `lifetime_s`: the longest that a token is believed."""

    pool: asyncpg.Pool
    lifetime_s: int
    clock: Callable[[], float] = time.time
    _ended: dict[bytes, datetime] = field(default_factory=dict)
    _cleaned_up_at: float = -math.inf

    def has_ended(self, session: Session) -> bool:
        """Whether its token is believed no longer."""
        return session.is_ended(self._ended, self.clock())

    async def end(self, session: Session) -> None:
        """It is over: here at once, elsewhere within seconds. Raises what the database raises, being over here."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        self._ended |= dict.fromkeys(session.keys, now)
        async with self.pool.acquire() as connection:
            await ended_session_repository.insert_ended(
                connection, session.keys, now, now + timedelta(seconds=self.lifetime_s)
            )

    async def refresh(self) -> None:
        """What other processes ended is known, and what has expired is forgotten."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        async with self.pool.acquire() as connection:
            ended_elsewhere = await ended_session_repository.find_ended(connection, now)
        # What this process could not write is kept as long as it runs.
        oldest = now - timedelta(seconds=self.lifetime_s)
        self._ended = {key: at for key, at in self._ended.items() if at > oldest} | ended_elsewhere

    def loop(self) -> Loop:
        """Refreshes every few seconds."""
        return Loop("sessions", self._turn, _REFRESH_INTERVAL_S)

    async def _turn(self) -> None:
        await self.refresh()
        if time.monotonic() - self._cleaned_up_at > _CLEANUP_INTERVAL_S:
            async with self.pool.acquire() as connection:
                await ended_session_repository.delete_expired(connection, datetime.fromtimestamp(self.clock(), UTC))
            self._cleaned_up_at = time.monotonic()
