"""`/console`: is everything flowing; and if not, what is wrong, and what to do."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Depends, Response

from pathline_gateway.access_log.request_row import mark_about_nobody, read_transaction
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import OperatorCaller
from pathline_gateway.console.front_page_summary import (
    SystemFacts,
    find_faults,
    lag_by_topic,
    outage_faults,
    summarize_state,
)
from pathline_gateway.console.handoff_summary import summarize_handoff
from pathline_gateway.dependency_health.monitor import ComponentOutage, DependencyMonitor
from pathline_gateway.dependency_health.time_limit import with_time_limit
from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs.overview_repository import HandoffLineRow, OverviewScope, SilentCounts
from pathline_gateway.pathways.recent_repository import recently_changed
from pathline_gateway.postgres.pool import UNAVAILABLE_ERRORS
from pathline_gateway.review import repository as review_repository
from pathline_gateway.status import flow_repository
from pathline_gateway.status.endpoints import GatewayStatuses, StatusService
from pathline_gateway.status.throughput import Throughput
from pathline_gateway.visibility.concealed_handoffs import concealed_handoffs
from pathline_gateway.visibility.handoff_access_log import log_accessed_handoffs
from pathline_gateway.web.context import AppContext, Context, service
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

LOOKBACK: Final = timedelta(days=90)
"""Hand-offs that ended count if they were offered within; those that are open always do."""
_RECENT_PARKED: Final = timedelta(hours=1)
_MAX_RECENT_STEPS: Final = 12
_MAX_SILENT_LISTED: Final = 8
"""Hand-offs that are listed: the page stays one screen."""


GatewayThroughput = Annotated[Throughput, Depends(service(Throughput))]

router = APIRouter(include_in_schema=False)


@router.get("/console")
async def front_page(
    context: Context, statuses: GatewayStatuses, throughput: GatewayThroughput, caller: OperatorCaller
) -> Response:
    """Is everything flowing? Where Postgres does not answer, the page says so, and nothing else."""
    if statuses.dependencies.outage("Postgres") is None:
        with contextlib.suppress(TimeoutError, Problem, *UNAVAILABLE_ERRORS):
            return await with_time_limit(_status_page(context, statuses, throughput, caller))
    mark_about_nobody()
    return _outage_page(statuses.dependencies)


async def _status_page(
    context: AppContext, statuses: StatusService, throughput: Throughput, caller: Caller
) -> Response:
    status, at = await statuses.read(), context.clock()
    async with read_transaction(context.pool) as connection:
        counts, silent = await _find_silent(connection, caller, at)
        await log_accessed_handoffs(connection, [each.handoff for each in silent])
        facts = SystemFacts(
            statuses.readiness_problem() is None,
            status,
            counts.silent,
            await flow_repository.find_parked_since(connection, at - _RECENT_PARKED),
            await flow_repository.find_failing_sinks(connection),
            await flow_repository.count_given_up(connection),
            sum((await review_repository.count_waiting(connection, unrestricted=caller.auth_disabled)).values()),
            counts.unanswered,
        )
        # Where callers are told apart, some of what is stored is nobody's but its own organisation's.
        latest = await recently_changed(connection, _MAX_RECENT_STEPS) if caller.auth_disabled else None
    faults = [*outage_faults(statuses.dependencies.outages()), *find_faults(facts)]
    kind, sentence = summarize_state(facts, faults)
    return render_page(
        "now.html",
        referrer="same-origin",
        status=status,
        kind=kind,
        sentence=sentence,
        wrong=faults,
        silent=[summarize_handoff(each, at) for each in silent],
        n_silent=counts.silent,
        rates=throughput.rates(),
        lags=lag_by_topic(status),
        recent=latest,
        at=at,
    )


def _outage_page(dependencies: DependencyMonitor) -> Response:
    outages = dependencies.outages()
    if dependencies.outage("Postgres") is None:
        # Seen here before the monitor has.
        outages = [ComponentOutage("Postgres", dependencies.now(), "no answer in time"), *outages]
    faults = outage_faults(outages)
    return render_page("outage.html", sentence=faults[0].what, wrong=faults)


async def overview_scope(connection: asyncpg.Connection, caller: Caller, now: datetime) -> OverviewScope:
    """The hand-offs that this caller may be told of: those that are open, and those that ended of so far back."""
    if caller.auth_disabled:
        return OverviewScope(now, now - LOOKBACK)
    candidates = await overview_repository.maybe_concealed(connection, now - LOOKBACK)
    return OverviewScope(now, now - LOOKBACK, await concealed_handoffs(connection, candidates))


async def silent_overview_scope(connection: asyncpg.Connection, caller: Caller, now: datetime) -> OverviewScope:
    """The same, of those that may be silent now: what has ended is not."""
    if caller.auth_disabled:
        return OverviewScope(now, now)
    # What cannot be silent need not be read to know what it conceals.
    candidates = await overview_repository.maybe_concealed_silent(connection, now)
    return OverviewScope(now, now, await concealed_handoffs(connection, candidates))


async def _find_silent(
    connection: asyncpg.Connection, caller: Caller, now: datetime
) -> tuple[SilentCounts, list[HandoffLineRow]]:
    return await overview_repository.list_latest_silent(
        connection, await silent_overview_scope(connection, caller, now), _MAX_SILENT_LISTED
    )
