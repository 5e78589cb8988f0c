"""`…/events`, `…/stream` and `…/explain` of a subscription: what it was given, and why something was not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.streams.api.access import Id, handed_to, one_of, series_of
from pathline_gateway.streams.api.explain import explain
from pathline_gateway.streams.api.subscription_schemas import DeliveredEvents, DeliveryExplanation
from pathline_gateway.streams.dispatch.event_rendering import page
from pathline_gateway.streams.sse.stream import Streams
from pathline_gateway.streams.subscriptions.cursor import cursor
from pathline_gateway.streams.webhooks import endpoint_repository
from pathline_gateway.visibility.padding import PADDING, is_told_less
from pathline_gateway.web.openapi_responses import LIMIT, answers
from pathline_gateway.web.patterns import STORABLE

MOST = 1_000
_CURSORS: Final = "The `next` of an earlier answer: events after it. From the beginning of the first series without it."
_After = Annotated[str, Query(max_length=64, description=_CURSORS)]


def routes(streams: Streams) -> APIRouter:
    """`…/events`, `…/stream` and `…/explain`."""
    pool, secret, clock = streams.pool, streams.secret, streams.clock
    router = APIRouter()

    @router.get(
        "/v1/subscriptions/{subscription}/events",
        summary="Pull events",
        response_class=Response,
        responses=answers(DeliveredEvents, "The next events"),
    )
    async def events(
        caller: CurrentCaller,
        subscription: Id,
        after: _After = "n0",
        limit: Annotated[int, Query(ge=1, le=MOST, description=LIMIT)] = 100,
    ) -> Response:
        """The next events, each a CloudEvent with its running `number`: a gap always means loss.

        Each is looked at again: of what may no longer be shown only `{"number", "withheld": true}` is left.
        """
        series, number = cursor(after)
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            found = await series_of(connection, await handed_to(connection, caller, subscription), series)
            told = await page(connection, secret, found, number, limit, clock())
        async with pool.acquire() as connection:
            await endpoint_repository.asked(connection, found.id, number, datetime.now(UTC))
        body = {"events": told.events, "next": f"{found.prefix}n{told.last}", "count": told.last}
        return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})

    @router.get(
        "/v1/subscriptions/{subscription}/stream",
        summary="Listen to events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, each a CloudEvent"}},
    )
    async def stream(
        caller: CurrentCaller,
        subscription: Id,
        after: _After = "n0",
        last_event_id: Annotated[
            str | None, Header(max_length=64, description="The `id` of the last event that came: in place of `after`.")
        ] = None,
    ) -> StreamingResponse:
        """As `…/events`, as they come. A reader that lost the connection sends `Last-Event-ID`, as browsers do.

        It ends after a quarter of an hour, when the subscription is paused or ended, and when the token is: signed out
        of, or expired.
        """
        series, number = cursor(last_event_id or after)
        async with pool.acquire() as connection:
            found = await series_of(connection, await handed_to(connection, caller, subscription), series)
            await endpoint_repository.asked(connection, found.id, number, datetime.now(UTC))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        frames = streams.listen(found.id, number, everything=caller.open, session=caller.session)
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @router.get(
        "/v1/subscriptions/{subscription}/explain",
        summary="Why did an event come, or not?",
        response_model=None,
        responses=answers(DeliveryExplanation, "Why"),
    )
    async def explained(
        caller: CurrentCaller,
        subscription: Id,
        source: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's source.")],
        event: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's id.")],
    ) -> dict[str, Any]:
        """`because`: given, withheld, unknown, before, filtered (and by which filter), waiting or not-shown."""
        async with PADDING.padded(wanted=is_told_less(caller)), reading(streams.slow) as connection:
            found = await one_of(connection, caller, subscription)
            return await explain(connection, found, caller, source, event, clock())

    return router
