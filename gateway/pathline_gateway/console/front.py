"""`/console`: is everything flowing; and if not, what is wrong, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from fastapi import APIRouter, Response

from pathline_gateway.access_log.handoffs import tells_of_handoffs
from pathline_gateway.access_log.request_row import reading, tells_of_nobody
from pathline_gateway.console.concealed_handoffs import hidden_handoffs
from pathline_gateway.console.handoffs import line
from pathline_gateway.console.now import Facts, lags, not_answering, state, wrongs
from pathline_gateway.console.page import page
from pathline_gateway.console.rates import Rates
from pathline_gateway.dependency_health.monitor import DependencyMonitor, Outage
from pathline_gateway.dependency_health.time_limit import in_time
from pathline_gateway.problem import Problem
from pathline_gateway.pull.status import Statuses
from pathline_gateway.store import flow, handoff_overview, review
from pathline_gateway.store.connect import UNAVAILABLE
from pathline_gateway.store.handoff_overview import Scope, Standing
from pathline_gateway.store.recent import recent
from pathline_gateway.trust.caller import Caller
from pathline_gateway.trust.who import Calling

PAST: Final = timedelta(days=90)
"""Hand-offs that ended count if they were offered within; those that are open always do."""
_LATELY: Final = timedelta(hours=1)
_LISTED: Final = 12
_SILENT: Final = 8
"""Hand-offs that are listed: the page stays one screen."""


def routes(
    pool: asyncpg.Pool, statuses: Statuses, ready: Callable[[], bool], rates: Rates, clock: Callable[[], datetime]
) -> APIRouter:
    """`/console`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def now(caller: Calling) -> Response:
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
                await flow.parked_since(connection, at - _LATELY),
                await flow.troubled(connection),
                await flow.given_up(connection),
                sum((await review.counts(connection, everything=caller.open)).values()),
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


async def scoped(connection: asyncpg.Connection, caller: Caller, now: datetime) -> Scope:
    """The hand-offs that this caller may be told of: those that are open, and those that ended of so far back."""
    if caller.open:
        return Scope(now, now - PAST)
    perhaps = await handoff_overview.perhaps_concealed(connection, now - PAST)
    return Scope(now, now - PAST, await hidden_handoffs(connection, perhaps))


async def scoped_silent(connection: asyncpg.Connection, caller: Caller, now: datetime) -> Scope:
    """The same, of those that may be silent now: what has ended is not."""
    if caller.open:
        return Scope(now, now)
    # What cannot be silent need not be read to know what it conceals.
    perhaps = await handoff_overview.perhaps_concealed_silent(connection, now)
    return Scope(now, now, await hidden_handoffs(connection, perhaps))


async def _silent(connection: asyncpg.Connection, caller: Caller, now: datetime) -> tuple[int, list[Standing]]:
    return await handoff_overview.silent(connection, await scoped_silent(connection, caller, now), _SILENT)
