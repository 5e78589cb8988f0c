"""`/console`: is everything flowing; and if not, what is wrong, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from fastapi import APIRouter, Response

from pathline_gateway.access_log.request_row import reading, tells_of_nobody
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.console.front_page_summary import Facts, lags, not_answering, state, wrongs
from pathline_gateway.console.handoff_summary import line
from pathline_gateway.dependency_health.monitor import DependencyMonitor, Outage
from pathline_gateway.dependency_health.time_limit import in_time
from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs.overview_repository import HandoffLineRow, OverviewScope
from pathline_gateway.pathways.recent_repository import recent
from pathline_gateway.postgres.pool import UNAVAILABLE
from pathline_gateway.review import repository as review_repository
from pathline_gateway.status import flow_repository
from pathline_gateway.status.endpoints import Statuses
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.visibility.concealed_handoffs import hidden_handoffs
from pathline_gateway.visibility.handoff_accesses import tells_of_handoffs
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

PAST: Final = timedelta(days=90)
"""Hand-offs that ended count if they were offered within; those that are open always do."""
_LATELY: Final = timedelta(hours=1)
_LISTED: Final = 12
_SILENT: Final = 8
"""Hand-offs that are listed: the page stays one screen."""


def routes(
    pool: asyncpg.Pool, statuses: Statuses, ready: Callable[[], bool], rates: Throughput, clock: Callable[[], datetime]
) -> APIRouter:
    """`/console`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def now(caller: CurrentCaller) -> Response:
        """Is everything flowing? Where Postgres does not answer, the page says so, and nothing else."""
        if statuses.dependencies.outage("Postgres") is None:
            with contextlib.suppress(TimeoutError, Problem, *UNAVAILABLE):
                return await in_time(_flowing(caller))
        tells_of_nobody()
        return _without_postgres(statuses.dependencies)

    async def _flowing(caller: Caller) -> Response:
        status, at = await statuses.read(), clock()
        async with reading(pool) as connection:
            n, silent = await _silent(connection, caller, at)
            await tells_of_handoffs(connection, [each.handoff for each in silent])
            facts = Facts(
                ready(),
                status,
                n,
                await flow_repository.parked_since(connection, at - _LATELY),
                await flow_repository.troubled(connection),
                await flow_repository.given_up(connection),
                sum((await review_repository.counts(connection, everything=caller.open)).values()),
            )
            # Where callers are told apart, some of what is stored is nobody's but its own organisation's.
            latest = await recent(connection, _LISTED) if caller.open else None
        wrong = [*not_answering(statuses.dependencies.outages()), *wrongs(facts)]
        kind, sentence = state(facts, wrong)
        return page(
            "now.html",
            status=status,
            kind=kind,
            sentence=sentence,
            wrong=wrong,
            silent=[line(each, at) for each in silent],
            n_silent=n,
            rates=rates.now(),
            lags=lags(status),
            recent=latest,
            at=at,
        )

    return router


def _without_postgres(dependencies: DependencyMonitor) -> Response:
    outages = dependencies.outages()
    if dependencies.outage("Postgres") is None:
        # Seen here before the monitor has.
        outages = [Outage("Postgres", dependencies.now(), "no answer in time"), *outages]
    wrong = not_answering(outages)
    return page("outage.html", sentence=wrong[0].what, wrong=wrong)


async def scoped(connection: asyncpg.Connection, caller: Caller, now: datetime) -> OverviewScope:
    """The hand-offs that this caller may be told of: those that are open, and those that ended of so far back."""
    if caller.open:
        return OverviewScope(now, now - PAST)
    perhaps = await overview_repository.perhaps_concealed(connection, now - PAST)
    return OverviewScope(now, now - PAST, await hidden_handoffs(connection, perhaps))


async def scoped_silent(connection: asyncpg.Connection, caller: Caller, now: datetime) -> OverviewScope:
    """The same, of those that may be silent now: what has ended is not."""
    if caller.open:
        return OverviewScope(now, now)
    # What cannot be silent need not be read to know what it conceals.
    perhaps = await overview_repository.perhaps_concealed_silent(connection, now)
    return OverviewScope(now, now, await hidden_handoffs(connection, perhaps))


async def _silent(connection: asyncpg.Connection, caller: Caller, now: datetime) -> tuple[int, list[HandoffLineRow]]:
    return await overview_repository.silent(connection, await scoped_silent(connection, caller, now), _SILENT)
