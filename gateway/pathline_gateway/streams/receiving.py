"""`…/events`, `…/stream` and `…/explain` of a subscription: what it was given, and why something was not."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Response
from starlette.responses import StreamingResponse

from pathline_gateway.problem import Problem
from pathline_gateway.storable import STORABLE
from pathline_gateway.store import webhooks
from pathline_gateway.streams.deliver import page
from pathline_gateway.streams.explain import explain
from pathline_gateway.streams.owned import handed_to, one_of
from pathline_gateway.streams.sse import Streams
from pathline_gateway.trust.who import Calling

MOST = 1_000
_CURSOR = re.compile(r"n([0-9]{1,18})", re.ASCII)


def routes(streams: Streams) -> APIRouter:
    """`…/events`, `…/stream` and `…/explain`."""
    pool, secret, clock = streams.pool, streams.secret, streams.clock
    router = APIRouter(tags=["subscriptions"])

    @router.get("/v1/subscriptions/{subscription}/events", summary="Pull events", response_class=Response)
    async def events(
        caller: Calling,
        subscription: UUID,
        after: Annotated[str, Query(max_length=64)] = "n0",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> Response:
        """The next events, each a CloudEvent with its running `number`: a gap always means loss.

        Each is looked at again: of what may no longer be shown only `{"number", "withheld": true}` is left.
        """
        number = _number(after)
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            found = await handed_to(connection, caller, subscription)
            told = await page(connection, secret, found, number, limit, clock())
        async with pool.acquire() as connection:
            await webhooks.asked(connection, subscription, number, datetime.now(UTC))
        body = {"events": told.events, "next": f"n{told.last}", "count": told.last}
        return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})

    @router.get(
        "/v1/subscriptions/{subscription}/stream",
        summary="Listen to events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}, "description": "Server-sent events, each a CloudEvent"}},
    )
    async def stream(
        caller: Calling,
        subscription: UUID,
        after: Annotated[str, Query(max_length=64)] = "n0",
        last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    ) -> StreamingResponse:
        """As `…/events`, as they come. A reader that lost the connection sends `Last-Event-ID`, as browsers do.

        It ends after a quarter of an hour, and when the subscription is paused or ended.
        """
        number = _number(last_event_id or after)
        async with pool.acquire() as connection:
            await handed_to(connection, caller, subscription)
            await webhooks.asked(connection, subscription, number, datetime.now(UTC))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        frames = streams.listen(subscription, number, everything=caller.open)
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @router.get("/v1/subscriptions/{subscription}/explain", summary="Why did an event come, or not?")
    async def explained(
        caller: Calling,
        subscription: UUID,
        source: Annotated[str, Query(max_length=512, pattern=STORABLE)],
        event: Annotated[str, Query(max_length=512, pattern=STORABLE)],
    ) -> dict[str, Any]:
        """`because`: given, withheld, unknown, before, filtered (and by which filter), waiting or not-shown."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            found = await one_of(connection, caller, subscription)
            return await explain(connection, found, source, event, clock())

    return router


def _number(cursor: str) -> int:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Problem(400, "malformed-cursor", "after must be the `next` of an earlier answer")
    return int(match[1])
