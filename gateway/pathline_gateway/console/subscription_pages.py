"""`/console/streams`: who is subscribed and does she receive; and one subscription, with what can be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import OperatorCaller
from pathline_gateway.console.subscription_summary import SubscriptionSummary, summarize_subscription
from pathline_gateway.streams.api.access import org_filter, require_series, require_subscription
from pathline_gateway.streams.api.explain import explain
from pathline_gateway.streams.api.replay_endpoints import open_series
from pathline_gateway.streams.api.services import Admission
from pathline_gateway.streams.api.status import load_status
from pathline_gateway.streams.kafka import progress_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.webhooks import sink_repository
from pathline_gateway.web.context import Clock, RequestPool, SlowPool
from pathline_gateway.web.forms import OwnForm, parse_form
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_MAX_LISTED: Final = 100
_BEFORE_FIRST: Final = UUID(int=0)
_DONE_MESSAGES: Final = {
    "pause": "Paused. Its events wait.",
    "resume": "Resumed: it is tried again at once.",
    "redrive": "Failed events are tried again.",
    "replay": "A further series was opened: see below.",
}

Done = Annotated[str, Query(max_length=20)]
After = Annotated[int, Query(ge=0, lt=2**63)]
"""After which number the dead letters are listed."""


class SeriesForm(BaseModel):
    """A button; `series` where it is about a replay."""

    series: Annotated[int, Field(ge=1, le=999_999)] = 1


class ReplayStartForm(BaseModel):
    """From where on to give again."""

    start: Annotated[str, Field(min_length=1, max_length=64, pattern=STORABLE)]


class ExplainForm(BaseModel):
    """An event, by what its publisher calls it. It travels in the body: an id may say something of a person."""

    source: Annotated[str, Field(min_length=1, max_length=512, pattern=STORABLE)]
    id: Annotated[str, Field(min_length=1, max_length=512, pattern=STORABLE)]


router = APIRouter(include_in_schema=False)


@router.get("/console/streams")
async def subscription_list_page(pool: RequestPool, caller: OperatorCaller, after: UUID = _BEFORE_FIRST) -> Response:
    """Does everybody receive?"""
    async with pool.acquire() as connection, _snapshot_transaction(connection):
        subscriptions = await subscription_repository.list_page(connection, org_filter(caller), after, _MAX_LISTED)
        lines = [summarize_subscription(each, await load_status(connection, each), _now()) for each in subscriptions]
    following = lines[-1].id if len(lines) == _MAX_LISTED else None
    return render_page("streams.html", streams=lines, following=following)


@router.get("/console/streams/{subscription}")
async def subscription_page(
    pool: RequestPool, caller: OperatorCaller, subscription: UUID, done: Done = "", after: After = 0
) -> Response:
    """Does it receive; and if not, why?"""
    try:
        summary, failures = await _load_summary(pool, caller, subscription, after)
    except Problem as problem:
        if problem.status != 404:
            raise
        return render_page("stream_missing.html", 404)
    return _render_subscription(summary, failures, message=_DONE_MESSAGES.get(done))


@router.post("/console/streams/{subscription}/pause")
async def pause_subscription(pool: RequestPool, caller: OperatorCaller, subscription: UUID, sent: OwnForm) -> Response:
    """Nothing is delivered until it is resumed."""
    parse_form(sent, SeriesForm)
    async with pool.acquire() as connection, connection.transaction():
        await require_subscription(connection, caller, subscription)
        await subscription_repository.set_paused(connection, subscription, True)
    return _redirect(subscription, "pause")


@router.post("/console/streams/{subscription}/resume")
async def resume_subscription(pool: RequestPool, caller: OperatorCaller, subscription: UUID, sent: OwnForm) -> Response:
    """It is delivered to again; its sink is tried at once."""
    parse_form(sent, SeriesForm)
    async with pool.acquire() as connection, connection.transaction():
        await require_subscription(connection, caller, subscription)
        await subscription_repository.set_paused(connection, subscription, False)
        await sink_repository.resume(connection, subscription)
        await progress_repository.resume(connection, subscription)
    return _redirect(subscription, "resume")


@router.post("/console/streams/{subscription}/redrive")
async def redrive_failures(pool: RequestPool, caller: OperatorCaller, subscription: UUID, sent: OwnForm) -> Response:
    """Failed events are tried again."""
    form = parse_form(sent, SeriesForm)
    async with pool.acquire() as connection, connection.transaction():
        series = await require_series(
            connection, await require_subscription(connection, caller, subscription), form.series
        )
        await sink_repository.redrive(connection, series.id, None)
    return _redirect(subscription, "redrive")


@router.post("/console/streams/{subscription}/replay")
async def open_replay(
    pool: RequestPool, admission: Admission, caller: OperatorCaller, subscription: UUID, sent: OwnForm
) -> Response:
    """Its owner receives stored events again: an operator opens the series, and receives nothing of it."""
    form = parse_form(sent, ReplayStartForm)
    try:
        async with pool.acquire() as connection, connection.transaction():
            await open_series(
                connection, await require_subscription(connection, caller, subscription), form.start, admission.limits
            )
    except Problem as problem:
        if problem.status == 404:
            raise
        return _render_subscription(
            *await _load_summary(pool, caller, subscription), problem.status, error=problem.detail
        )
    return _redirect(subscription, "replay")


@router.post("/console/streams/{subscription}/explain")
async def explain_event(
    pool: RequestPool, slow_pool: SlowPool, clock: Clock, caller: OperatorCaller, subscription: UUID, sent: OwnForm
) -> Response:
    """Why did an event come, or not?"""
    form = parse_form(sent, ExplainForm)
    async with read_transaction(slow_pool) as connection:
        subscription_row = await require_subscription(connection, caller, subscription)
        explanation = await explain(connection, subscription_row, caller, form.source, form.id, clock())
    summary, failures = await _load_summary(pool, caller, subscription)
    return _render_subscription(summary, failures, explanation=explanation, query=form)


async def _load_summary(
    pool: asyncpg.Pool, caller: Caller, subscription: UUID, after: int = 0
) -> tuple[SubscriptionSummary, list[sink_repository.DeadLetterRow]]:
    async with pool.acquire() as connection, _snapshot_transaction(connection):
        subscription_row = await require_subscription(connection, caller, subscription)
        summary = summarize_subscription(subscription_row, await load_status(connection, subscription_row), _now())
        return summary, await sink_repository.list_dead_letters(connection, subscription_row.id, after, _MAX_LISTED)


def _render_subscription(
    summary: SubscriptionSummary,
    failures: list[sink_repository.DeadLetterRow],
    status: int = 200,
    *,
    message: str | None = None,
    error: str | None = None,
    explanation: dict[str, Any] | None = None,
    query: ExplainForm | None = None,
) -> Response:
    values = {"said": message, "wrong": error, "because": explanation, "asked": query}
    following = failures[-1].number if len(failures) == _MAX_LISTED else None
    more = {"failures": failures, "following": following}
    return render_page("stream.html", status, referrer="same-origin", stream=summary, told=values, **more)


def _snapshot_transaction(connection: asyncpg.Connection) -> asyncpg.transaction.Transaction:
    return connection.transaction(isolation="repeatable_read", readonly=True)


def _now() -> datetime:
    """Sinks are judged by the machine's clock, as by those who post to them."""
    return datetime.now(UTC)


def _redirect(subscription: UUID, done: str) -> Response:
    return RedirectResponse(f"/console/streams/{subscription}?{urlencode({'done': done})}", 303)
