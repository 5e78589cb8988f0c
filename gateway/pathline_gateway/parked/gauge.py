"""The metric of what is parked now is kept as Postgres says it."""

from __future__ import annotations

from functools import partial

import asyncpg

from pathline_gateway.background.supervisor import Loop
from pathline_gateway.parked import overview_repository
from pathline_gateway.telemetry.instruments import PARKED

_EVERY_S = 5.0
"""How old the number may be: nobody is woken sooner."""


def loop(pool: asyncpg.Pool) -> Loop:
    """The metric is looked at again every few seconds."""
    return Loop("parked-gauge", partial(update_gauge, pool), _EVERY_S)


async def update_gauge(pool: asyncpg.Pool) -> None:
    """The metric says what is parked now, by organisation on the register and reason."""
    async with pool.acquire() as connection:
        counts = await overview_repository.counts(connection)
    PARKED.replace_all(
        ({"pathline.organisation": org, "pathline.reason": reason}, n) for (org, reason), n in counts.items()
    )
