"""The metric of what is parked now is kept as Postgres says it."""

from __future__ import annotations

import asyncio
import logging

import asyncpg

from pathline_gateway.store import parked_overview
from pathline_gateway.telemetry import PARKED

_log = logging.getLogger(__name__)

_EVERY_S = 5.0
"""How old the number may be: nobody is woken sooner."""


async def keep_level(pool: asyncpg.Pool) -> None:
    """The metric is looked at again every few seconds, until cancelled."""
    while True:
        try:
            await look(pool)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as failed:
            _log.info("parked: not counted this time: %s", type(failed).__name__)
        await asyncio.sleep(_EVERY_S)


async def look(pool: asyncpg.Pool) -> None:
    """The metric says what is parked now, by organisation on the register and reason."""
    async with pool.acquire() as connection:
        found = await parked_overview.counts(connection)
    PARKED.stands(({"pathline.organisation": org, "pathline.reason": reason}, n) for (org, reason), n in found.items())
