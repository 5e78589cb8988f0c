"""`/console/handoffs`: who hands to whom and how that goes; and each hand-off of one pair, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Query, Response

from pathline_gateway.console.front import PAST, scoped
from pathline_gateway.console.handoffs import line, named, pair_lines
from pathline_gateway.console.page import page
from pathline_gateway.storable import CODES
from pathline_gateway.store import handoff_overview as overview
from pathline_gateway.trust.who import Calling

_PAIRS: Final = 500
_LISTED: Final = 200

Code = Annotated[str, Query(max_length=64, pattern=CODES)]
From = Annotated[str, Query(max_length=64, pattern=CODES, alias="from")]


def routes(pool: asyncpg.Pool, clock: Callable[[], datetime]) -> APIRouter:
    """`/console/handoffs` and `/console/handoffs/pair`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console/handoffs")
    async def handoffs(caller: Calling, org: Code = "") -> Response:
        """Who is waited for?"""
        now = clock()
        async with pool.acquire() as connection:
            scope = await scoped(connection, caller, now)
            pairs = await overview.pairs(connection, scope, _PAIRS)
        orgs = sorted({each for pair in pairs for each in (pair.sender, pair.receiver) if each is not None})
        shown = [pair for pair in pairs if not org or org in (pair.sender, pair.receiver)]
        return page("handoffs.html", pairs=pair_lines(shown), orgs=orgs, org=org, days=PAST.days, most=_PAIRS)

    @router.get("/console/handoffs/pair")
    async def pair(caller: Calling, sender: From, to: Code = "") -> Response:
        """Which people wait, for how long?"""
        now = clock()
        async with pool.acquire() as connection:
            scope = await scoped(connection, caller, now)
            found = await overview.of_pair(connection, scope, sender, to or None, _LISTED)
        lines = [line(each, now) for each in found]
        return page("handoff_pair.html", name=named(sender, to or None), lines=lines, days=PAST.days, most=_LISTED)

    return router
