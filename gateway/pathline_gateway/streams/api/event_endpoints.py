"""`…/events`, `…/stream` and `…/explain` of a subscription: what it was given, and why something was not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from starlette.responses import StreamingResponse

from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Subscriber, SubscriberOrOperator
from pathline_gateway.pathways.named_values import NamedValue
from pathline_gateway.streams.api.access import (
    SeriesNumber,
    SubscriptionId,
    require_recipient,
    require_series,
    require_subscription,
)
from pathline_gateway.streams.api.explain import explain
from pathline_gateway.streams.api.services import EventStreams
from pathline_gateway.streams.api.subscription_schemas import DeliveredEvents, DeliveryExplanation, OneEvent
from pathline_gateway.streams.dispatch.event_rendering import render_page
from pathline_gateway.streams.dispatch.visibility_cache import subscription_reader
from pathline_gateway.streams.subscriptions import read_position_repository
from pathline_gateway.streams.subscriptions.cursor import parse_cursor, require_reached
from pathline_gateway.visibility.name_lookup import SaidName, find_meaning
from pathline_gateway.visibility.response_time_padding import RESPONSE_TIME_PADDING, is_restricted
from pathline_gateway.web.context import Context, RequestPool
from pathline_gateway.web.list_parameters import MAX_ID, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem

_CURSOR_DESCRIPTION: Final = (
    "The `next` of an earlier answer: events after it. From the beginning of the first series without it."
)
_SPAN_NAME: Final = "deliver PULL"
_After = Annotated[str, Query(max_length=64, description=_CURSOR_DESCRIPTION)]


router = APIRouter(tags=["subscriptions"])


@router.get(
    "/v1/subscriptions/{subscription}/events",
    summary="Pull events",
    response_class=Response,
    responses=response_docs(DeliveredEvents, "The next events"),
)
async def pull_events(
    context: Context,
    caller: Subscriber,
    subscription: SubscriptionId,
    after: _After = "n0",
    limit: ListLimit = 100,
) -> Response:
    """The next events, each a CloudEvent with its running `number`: a gap always means loss.

    Each is checked again: in place of an event that it may no longer show stands `{"number", "withheld": true}`.
    """
    started_at = time.time_ns()
    series, number = cursor = parse_cursor(after)
    async with context.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        target = await require_series(connection, await require_recipient(connection, caller, subscription), series)
        require_reached(cursor, target.last_number, target.prefix)
        event_page = await render_page(connection, context.secret, target, number, limit, context.clock())
    async with context.pool.acquire() as connection:
        await read_position_repository.record(connection, target.id, number, datetime.now(UTC))
    await event_page.deliveries.record(_SPAN_NAME, started_at)
    body = {
        "events": event_page.events,
        "next": f"{target.prefix}n{event_page.last_number}",
        "count": event_page.last_number,
    }
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})


@router.get(
    "/v1/subscriptions/{subscription}/events/{number}",
    summary="Fetch one event by its number",
    response_class=Response,
    responses=response_docs(OneEvent, "The event, or what stands in its place"),
)
async def fetch_event(
    context: Context,
    caller: Subscriber,
    subscription: SubscriptionId,
    number: Annotated[int, Path(ge=1, le=MAX_ID, description="The event's running number.")],
    series: SeriesNumber = 1,
) -> Response:
    """The whole event as it may be seen now, whatever the `payload` of the subscription: where `dataref` leads."""
    started_at = time.time_ns()
    async with context.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        target = await require_series(connection, await require_recipient(connection, caller, subscription), series)
        if number > target.last_number:
            raise Problem(404, "no-such-number", "the subscription was given no event of this number yet")
        whole = target._replace(payload="full")
        event_page = await render_page(connection, context.secret, whole, number - 1, 1, context.clock())
    await event_page.deliveries.record(_SPAN_NAME, started_at)
    body = orjson.dumps(event_page.events[0])
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


@router.get(
    "/v1/subscriptions/{subscription}/stream",
    summary="Listen to events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, each a CloudEvent"}},
)
async def stream_events(
    pool: RequestPool,
    streams: EventStreams,
    caller: Subscriber,
    subscription: SubscriptionId,
    after: _After = "n0",
    last_event_id: Annotated[
        str | None, Header(max_length=64, description="The `id` of the last event that came: in place of `after`.")
    ] = None,
) -> StreamingResponse:
    """As `…/events`, as they come. A reader that lost the connection sends `Last-Event-ID`, as browsers do.

    It ends after a quarter of an hour, and when the subscription is paused or ended. It also ends with the token, by
    sign-out or expiry.
    """
    series, number = cursor = parse_cursor(last_event_id or after)
    async with pool.acquire() as connection:
        target = await require_series(connection, await require_recipient(connection, caller, subscription), series)
        require_reached(cursor, target.last_number, target.prefix)
        await read_position_repository.record(connection, target.id, number, datetime.now(UTC))
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    frames = streams.listen(target.id, number, auth_disabled=caller.auth_disabled, session=caller.session)
    return StreamingResponse(frames, media_type="text/event-stream", headers=headers)


@router.get(
    "/v1/subscriptions/{subscription}/explain",
    summary="Why did an event come, or not?",
    response_model=None,
    responses=response_docs(DeliveryExplanation, "Why"),
)
async def explain_event(
    context: Context,
    caller: SubscriberOrOperator,
    subscription: SubscriptionId,
    source: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's source.")],
    event: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's id.")],
) -> dict[str, Any]:
    """`because`: given, withheld, unknown, before, filtered (and by which filter), waiting or not-shown.

    An event of others goes by the `id` under which it came.
    """
    async with (
        RESPONSE_TIME_PADDING.padded(enabled=is_restricted(caller)),
        read_transaction(context.slow_pool) as connection,
    ):
        target = await require_subscription(connection, caller, subscription)
        said = SaidName(subscription_reader(target).name, NamedValue("event", source, event))
        _, source, event = await find_meaning(connection, context.secret, said)
        return await explain(connection, target, caller, source, event, context.clock())
