"""`…/secret`, `…/status`, `…/failures`, `…/redrive` and `…/canary` of a subscription: how its receiving goes."""

from __future__ import annotations

import math
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.auth.dependencies import Subscriber, SubscriberOrOperator
from pathline_gateway.limits.limit import NamedLimit
from pathline_gateway.postgres import shared_pace
from pathline_gateway.streams.api.access import SeriesNumber, SubscriptionId, require_series, require_subscription
from pathline_gateway.streams.api.delivery_schemas import (
    CanaryResult,
    DeadLetterPage,
    DeliveryStatus,
    NewSecret,
    RetryCount,
)
from pathline_gateway.streams.api.services import Admission, Sender, Topics
from pathline_gateway.streams.api.status import load_status
from pathline_gateway.streams.dispatch.delivery_trace import DeliveryTraceKey
from pathline_gateway.streams.webhooks import rate_turn_repository, sink_repository
from pathline_gateway.streams.webhooks.attempt_result import Disposition
from pathline_gateway.streams.webhooks.payload import build_canary
from pathline_gateway.streams.webhooks.signature import new_secret
from pathline_gateway.web.context import Context, RequestPool
from pathline_gateway.web.list_parameters import MAX_LISTED, AfterId, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem

_OLD_SECRET_VALIDITY: Final = timedelta(hours=24)
_RATE_LIMITED_DETAIL: Final = "the sink allows no request now: it said how many a minute, and the last was not long ago"
_Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class RedriveForm(BaseModel):
    """Which events to try again."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    numbers: Annotated[list[_Number], Field(max_length=MAX_LISTED)] | None = None
    """Their numbers; all that were given up where nothing is said."""


router = APIRouter(tags=["subscriptions"])


@router.post(
    "/v1/subscriptions/{subscription}/secret",
    summary="A new secret of a webhook",
    response_model=None,
    responses=response_docs(NewSecret, "What signs from now on"),
)
async def rotate_secret(
    pool: RequestPool, sender: Sender, caller: Subscriber, subscription: SubscriptionId
) -> dict[str, Any]:
    """It is told here, and never again. The one before it signs, too, for a day; an older one no more."""
    ends_at = sender.now() + _OLD_SECRET_VALIDITY
    async with pool.acquire() as connection, connection.transaction():
        await require_subscription(connection, caller, subscription)
        await _require_url(connection, subscription)
        secret = new_secret()
        await sink_repository.rotate_secret(connection, subscription, secret, ends_at)
    return {"secret": secret, "old_signs_until": instant.to_text(ends_at)}


@router.get(
    "/v1/subscriptions/{subscription}/status",
    summary="How does receiving go?",
    response_model=None,
    responses=response_docs(DeliveryStatus, "How it goes, of a sink or of a reader"),
)
async def get_delivery_status(
    pool: RequestPool, caller: SubscriberOrOperator, subscription: SubscriptionId
) -> dict[str, Any]:
    """`state`: active, paused, failing, gone (the sink answered 410) or unreachable (it took nothing in a week)."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        return await load_status(connection, await require_subscription(connection, caller, subscription))


@router.get(
    "/v1/subscriptions/{subscription}/failures",
    summary="Events that were given up",
    response_model=None,
    responses=response_docs(DeadLetterPage, "By number"),
)
async def list_failures(
    pool: RequestPool,
    caller: SubscriberOrOperator,
    subscription: SubscriptionId,
    series: SeriesNumber = 1,
    after: AfterId = 0,
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """By number, with the reason of the last attempt. `next` is the `after` of the next page."""
    async with pool.acquire() as connection:
        target = await require_series(connection, await require_subscription(connection, caller, subscription), series)
        dead_letters = await sink_repository.list_dead_letters(connection, target.id, after, limit)
    items = [
        {
            "number": each.number,
            "attempts": each.attempts,
            "reason": each.reason,
            "given": instant.to_text(each.delivered_at),
            "failed": instant.to_text(each.failed_at),
        }
        for each in dead_letters
    ]
    return {"failures": items, "next": dead_letters[-1].number if len(dead_letters) == limit else None}


@router.post(
    "/v1/subscriptions/{subscription}/redrive",
    summary="Try failed events again",
    response_model=None,
    responses=response_docs(RetryCount, "They are tried again"),
)
async def redrive_failures(
    pool: RequestPool,
    caller: SubscriberOrOperator,
    subscription: SubscriptionId,
    form: RedriveForm,
    series: SeriesNumber = 1,
) -> dict[str, int]:
    """The gateway posts them as they may be seen now, after later events of their pathways."""
    async with pool.acquire() as connection, connection.transaction():
        target = await require_series(connection, await require_subscription(connection, caller, subscription), series)
        return {"redriven": await sink_repository.redrive(connection, target.id, form.numbers)}


@router.post(
    "/v1/subscriptions/{subscription}/canary",
    summary="Post a test event to the sink now",
    response_model=None,
    responses=response_docs(CanaryResult, "How the sink took it"),
)
async def post_canary(
    context: Context,
    pool: RequestPool,
    sender: Sender,
    topics: Topics,
    admission: Admission,
    caller: SubscriberOrOperator,
    subscription: SubscriptionId,
) -> dict[str, Any]:
    """How the sink, or the broker of the topic, took an event of type `org.pathline.canary.v1`.

    It says nothing of anybody.
    """
    async with pool.acquire() as connection:
        target = await require_subscription(connection, caller, subscription)
        if target.protocol == "KAFKA":
            await _claim_canary(connection, admission.limits.named_limit("canaries"), sender.now(), target.org)
    if target.protocol == "KAFKA":
        outcome = await topics.send_canary(subscription, sender.now())
        return {
            "delivered": outcome.reason == "delivered",
            "reason": outcome.reason,
            "latency_ms": round(outcome.seconds * 1_000, 1),
        }
    async with pool.acquire() as connection:
        url, signing_secrets = (
            await _require_url(connection, subscription),
            await sink_repository.fetch_secrets(connection, subscription, sender.now()),
        )
        rate = await sink_repository.find_allowed_rate(connection, subscription)
        await _check_canary_rate(
            connection, admission.limits.named_limit("canaries"), sender.now(), target.org, url, rate
        )
    canary_id = secrets.token_hex(8)
    trace = DeliveryTraceKey(context.secret).make_trace(canary_id.encode())
    message = build_canary(subscription, target.org, canary_id, sender.now(), trace)
    result = await sender.post(url, message, signing_secrets)
    return {
        "delivered": result.disposition is Disposition.DELIVERED,
        "reason": result.public_reason,
        "latency_ms": round(result.seconds * 1_000, 1),
    }


async def _require_url(connection: asyncpg.Connection, subscription: UUID) -> str:
    url = await sink_repository.find_url(connection, subscription)
    if url is None:
        raise Problem(409, "no-sink", "the subscription has no sink: it is of another protocol than HTTP")
    return url


async def _claim_canary(connection: asyncpg.Connection, limit: NamedLimit, now: datetime, org: str) -> None:
    """The organisation may send another canary now. Raises Problem."""
    spacing = timedelta(minutes=1) / limit.number
    wait = await shared_pace.claim(
        connection, shared_pace.canary_key(org), now, spacing, timedelta(minutes=1) - spacing
    )
    if wait is not None:
        raise limit.refusal(wait.total_seconds())


async def _check_canary_rate(
    connection: asyncpg.Connection, limit: NamedLimit, now: datetime, org: str, url: str, rate: int | None
) -> None:
    """The organisation, and its sink, may be posted to now. Raises Problem."""
    await _claim_canary(connection, limit, now, org)
    if rate is None:
        return
    async with connection.transaction():
        turns, spacing = (
            await rate_turn_repository.lock_turns(connection, url, org, now),
            timedelta(minutes=1) / rate,
        )
        next_turns = turns.after_start(org, 1, spacing, now, has_more=False)
        await rate_turn_repository.save_turns(connection, url, turns, next_turns or turns)
    if next_turns is None:
        wait = turns.retry_at(org, spacing, now) - now
        seconds = str(max(1, math.ceil(wait.total_seconds())))
        raise Problem(429, "sink-rate", _RATE_LIMITED_DETAIL, headers={"retry-after": seconds}, allowed=rate)
