"""Keeps the metric `pathline.work.failing` up to date."""

from __future__ import annotations

from functools import partial
from typing import Final

import asyncpg

from pathline_gateway.background.health import Health
from pathline_gateway.background.loop import Loop
from pathline_gateway.set_aside import repository
from pathline_gateway.set_aside.summary import failing
from pathline_gateway.telemetry.instruments import WORK_FAILING

_EVERY_S: Final = 5.0
"""How old the number may be."""


def loop(pool: asyncpg.Pool, health: Health) -> Loop:
    """The metric is looked at again every few seconds."""
    return Loop("set-aside-gauge", partial(look, pool, health), _EVERY_S)


async def look(pool: asyncpg.Pool, health: Health) -> None:
    """The metric says of each failing work how many records it has set aside, and 1 where it fails as a whole."""
    async with pool.acquire() as connection:
        counts = await repository.counts(connection)
    found = failing(health.failing(), counts)
    WORK_FAILING.stands(({"pathline.work": each.work}, max(1, each.records)) for each in found)
