"""`…/secret`, `…/status`, `…/failures`, `…/redrive` and `…/canary` of a subscription: how its receiving goes."""

from __future__ import annotations

import math
import secrets
from datetime import timedelta
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.postgres import shared_pace
from pathline_gateway.streams.api.access import Id, one_of, series_of
from pathline_gateway.streams.api.delivery_schemas import (
    CanaryResult,
    DeadLetterPage,
    DeliveryStatus,
    NewSecret,
    RetryCount,
)
from pathline_gateway.streams.api.status import standing
from pathline_gateway.streams.sse.stream import Streams
from pathline_gateway.streams.webhooks import endpoint_repository, rate_turn_repository
from pathline_gateway.streams.webhooks.attempt_result import Disposition
from pathline_gateway.streams.webhooks.payload import canary
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.streams.webhooks.signature import new_secret
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers
from pathline_gateway.web.problem import Problem

_OLD_SIGNS_FOR: Final = timedelta(hours=24)
_MOST: Final = 1_000
_SINK_RATE: Final = "the sink allows no request now: it said how many a minute, and the last was not long ago"
_Series = Annotated[int, Query(ge=1, le=999_999, description="Which series: 1, or that of a replay.")]
_Number = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Redriven(BaseModel):
    """Which events to try again."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    numbers: Annotated[list[_Number], Field(max_length=_MOST)] | None = None
    """Their numbers; all that were given up where nothing is said."""


def routes(streams: Streams, sinks: WebhookSender) -> APIRouter:
    """What the owner of a subscription asks about its sink."""
    pool = streams.pool
    router = APIRouter()

    @router.post(
        "/v1/subscriptions/{subscription}/secret",
        summary="A new secret of a webhook",
        response_model=None,
        responses=answers(NewSecret, "What signs from now on"),
    )
    async def rotate(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """It is told here, and never again. The one before it signs, too, for a day; an older one no more."""
        ends = sinks.now() + _OLD_SIGNS_FOR
        async with pool.acquire() as connection, connection.transaction():
            await one_of(connection, caller, subscription)
            await _url(connection, subscription)
            made = new_secret()
            await endpoint_repository.rotate(connection, subscription, made, ends)
        return {"secret": made, "old_signs_until": instant.serve(ends)}

    @router.get(
        "/v1/subscriptions/{subscription}/status",
        summary="How does receiving go?",
        response_model=None,
        responses=answers(DeliveryStatus, "How it goes, of a sink or of a reader"),
    )
    async def status(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """`state`: active, paused, failing, gone (the sink answered 410) or unreachable (it took nothing in a week)."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await standing(connection, await one_of(connection, caller, subscription))

    @router.get(
        "/v1/subscriptions/{subscription}/failures",
        summary="Events that were given up",
        response_model=None,
        responses=answers(DeadLetterPage, "By number"),
    )
    async def failures(
        caller: CurrentCaller,
        subscription: Id,
        series: _Series = 1,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description=AFTER)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST, description=LIMIT)] = 100,
    ) -> dict[str, Any]:
        """By number, with the reason of the last attempt. `next` is the `after` of the next page."""
        async with pool.acquire() as connection:
            of = await series_of(connection, await one_of(connection, caller, subscription), series)
            found = await endpoint_repository.failures(connection, of.id, after, limit)
        said = [
            {
                "number": each.number,
                "attempts": each.attempts,
                "reason": each.reason,
                "given": instant.serve(each.given_at),
                "failed": instant.serve(each.failed_at),
            }
            for each in found
        ]
        return {"failures": said, "next": found[-1].number if len(found) == limit else None}

    @router.post(
        "/v1/subscriptions/{subscription}/redrive",
        summary="Try failed events again",
        response_model=None,
        responses=answers(RetryCount, "They are tried again"),
    )
    async def redrive(caller: CurrentCaller, subscription: Id, which: Redriven, series: _Series = 1) -> dict[str, int]:
        """They are posted as they may be seen now, after whatever of their pathways was posted meanwhile."""
        async with pool.acquire() as connection, connection.transaction():
            of = await series_of(connection, await one_of(connection, caller, subscription), series)
            return {"redriven": await endpoint_repository.redrive(connection, of.id, which.numbers)}

    @router.post(
        "/v1/subscriptions/{subscription}/canary",
        summary="Post a test event to the sink now",
        response_model=None,
        responses=answers(CanaryResult, "How the sink took it"),
    )
    async def test(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """How the sink took an event of type `org.pathline.canary.v1`, which says nothing of anybody."""
        async with pool.acquire() as connection:
            found = await one_of(connection, caller, subscription)
            url, keys = (
                await _url(connection, subscription),
                await endpoint_repository.secrets(connection, subscription, sinks.now()),
            )
            await _may_post_canary(
                connection, found.org, url, await endpoint_repository.allowed_rate(connection, subscription)
            )
        said = canary(subscription, secrets.token_hex(8), sinks.now())
        outcome = await sinks.posted(url, said, keys)
        return {
            "delivered": outcome.fate is Disposition.DELIVERED,
            "reason": outcome.told,
            "latency_ms": round(outcome.seconds * 1_000, 1),
        }

    async def _may_post_canary(connection: asyncpg.Connection, org: str, url: str, rate: int | None) -> None:
        now, limit = sinks.now(), streams.limits.named("canaries")
        spacing = timedelta(minutes=1) / limit.number
        left = await shared_pace.claim(
            connection, shared_pace.of_canaries(org), now, spacing, timedelta(minutes=1) - spacing
        )
        if left is not None:
            raise limit.refusal(left.total_seconds())
        if rate is None:
            return
        async with connection.transaction():
            before, spacing = await rate_turn_repository.locked(connection, url, org, now), timedelta(minutes=1) / rate
            begun = before.begun(org, 1, spacing, now, more=False)
            await rate_turn_repository.write(connection, url, before, begun or before)
        if begun is None:
            left = before.comes_at(org, spacing, now) - now
            seconds = str(max(1, math.ceil(left.total_seconds())))
            raise Problem(429, "sink-rate", _SINK_RATE, headers={"retry-after": seconds}, allowed=rate)

    return router


async def _url(connection: asyncpg.Connection, subscription: UUID) -> str:
    found = await endpoint_repository.url(connection, subscription)
    if found is None:
        raise Problem(409, "no-sink", "the subscription has no sink: it is of another protocol than HTTP")
    return found
