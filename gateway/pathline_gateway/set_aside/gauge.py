"""Keeps the metric `pathline.work.failing` up to date."""

from __future__ import annotations

from functools import partial
from typing import Final

import asyncpg

from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import Loop
from pathline_gateway.set_aside import repository
from pathline_gateway.set_aside.summary import summarize_failures
from pathline_gateway.telemetry.instruments import WORK_FAILING

_EVERY_S: Final = 5.0
"""How old the number may be."""


def loop(pool: asyncpg.Pool, health: Health) -> Loop:
    """The metric is looked at again every few seconds."""
    return Loop("set-aside-gauge", partial(update_gauge, pool, health), _EVERY_S)


async def update_gauge(pool: asyncpg.Pool, health: Health) -> None:
    """The metric says of each failing work how many records it has set aside, and 1 where it fails as a whole."""
    async with pool.acquire() as connection:
        counts = await repository.counts(connection)
    failures = summarize_failures(health.current_failures(), counts)
    WORK_FAILING.replace_all(({"pathline.work": each.work}, max(1, each.records)) for each in failures)
