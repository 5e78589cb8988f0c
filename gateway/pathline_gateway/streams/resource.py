"""`/v1/subscriptions`: what an organisation wants to be told of, and what it was told."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import StreamingResponse

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.answers import AFTER, LIMIT, answers
from pathline_gateway.problem import Problem
from pathline_gateway.storable import STORABLE
from pathline_gateway.store import subscriptions as store
from pathline_gateway.store.subscriptions import Subscription
from pathline_gateway.streams.deliver import page
from pathline_gateway.streams.described import Explained, GivenEvents, ServedSubscription, Subscriptions
from pathline_gateway.streams.explain import explain
from pathline_gateway.streams.filters import WrongFilter, matcher
from pathline_gateway.streams.sse import Streams
from pathline_gateway.trust.caller import Caller, Role
from pathline_gateway.trust.stated import NotStatedRight, stated
from pathline_gateway.trust.who import Calling

MOST = 1_000
_FIRST = UUID(int=0)
_CURSORS: Final = "The `next` of an earlier answer: events after it. From the beginning without it."
Id = Annotated[UUID, Path(description="The subscription's id")]
_ONE: Final = answers(ServedSubscription, "As it stands now")
_CURSOR = re.compile(r"n([0-9]{1,18})", re.ASCII)


class Config(BaseModel):
    """Who receives, and what for."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    organisation: Code
    """Who receives: the caller's own organisation."""
    purpose: Code
    """What the events are wanted for."""
    authority: Annotated[str, Field(max_length=2_100, pattern=STORABLE)] | None = None
    """What is relied on besides consent, as in the header `pathline-authority`."""


class Wanted(BaseModel):
    """A subscription, as it is asked for (CloudEvents Subscriptions)."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    protocol: Literal["PULL", "SSE"]
    """How events are received: `PULL` at a cursor at `…/events`, `SSE` at `…/stream`; either may be used for both."""
    config: Config
    """Who receives, and what for."""
    filters: Annotated[list[dict[str, Any]], Field(max_length=50)] = []
    """All must hold: `exact`, `prefix`, `suffix`, `all`, `any`, `not`. None: everything that may be seen."""


def routes(streams: Streams) -> APIRouter:
    """Create, read, change, delete, list, pause, resume; `…/events`, `…/stream` and `…/explain`."""
    pool, secret, clock = streams.pool, streams.secret, streams.clock
    router = APIRouter(tags=["subscriptions"])

    @router.post(
        "/v1/subscriptions",
        summary="Subscribe to events",
        status_code=201,
        response_model=None,
        responses=answers(ServedSubscription, {201: "As it stands now"}),
    )
    async def make(caller: Calling, wanted: Wanted) -> dict[str, Any]:
        """Everything that is stored from now on, that the filters want and the organisation may see."""
        _readable(wanted)
        org = _own(caller, wanted.config.organisation)
        said = (wanted.protocol, wanted.config.purpose, wanted.config.authority, wanted.filters)
        async with pool.acquire() as connection:
            id = await store.make(connection, org, caller.open, *said)
            return _served(await _one(connection, caller, id))

    @router.get(
        "/v1/subscriptions",
        summary="List subscriptions",
        response_model=None,
        responses=answers(Subscriptions, "By id"),
    )
    async def listed(
        caller: Calling,
        after: Annotated[UUID, Query(description=AFTER)] = _FIRST,
        limit: Annotated[int, Query(ge=1, le=MOST, description=LIMIT)] = 100,
    ) -> dict[str, Any]:
        """The caller's own; all for an operator. `next` is the `after` of the next page."""
        async with pool.acquire() as connection:
            found = await store.listed(connection, _whose(caller), after, limit)
        following = str(found[-1].id) if len(found) == limit else None
        return {"subscriptions": [_served(each) for each in found], "next": following}

    @router.get("/v1/subscriptions/{subscription}", summary="One subscription", response_model=None, responses=_ONE)
    async def one(caller: Calling, subscription: Id) -> dict[str, Any]:
        """What it wants, and how many events it was given."""
        async with pool.acquire() as connection:
            return _served(await _one(connection, caller, subscription))

    @router.put(
        "/v1/subscriptions/{subscription}",
        summary="Change what a subscription wants",
        response_model=None,
        responses=_ONE,
    )
    async def change(caller: Calling, subscription: Id, wanted: Wanted) -> dict[str, Any]:
        """It holds for the next event that is stored; what was given stays given."""
        _readable(wanted)
        async with pool.acquire() as connection, connection.transaction():
            known = await _one(connection, caller, subscription)
            if wanted.config.organisation != known.org:
                raise Problem(409, "another-organisation", "config.organisation: subscribe anew for another")
            said = (wanted.config.purpose, wanted.config.authority, wanted.filters)
            await store.change(connection, subscription, *said)
            return _served(await _one(connection, caller, subscription))

    @router.delete("/v1/subscriptions/{subscription}", summary="End a subscription", status_code=204)
    async def end(caller: Calling, subscription: Id) -> Response:
        """What it was given is forgotten."""
        async with pool.acquire() as connection, connection.transaction():
            await _one(connection, caller, subscription)
            await store.forget(connection, subscription)
        return Response(status_code=204)

    @router.post(
        "/v1/subscriptions/{subscription}/pause",
        summary="Hand nothing out for a while",
        response_model=None,
        responses=_ONE,
    )
    async def pause(caller: Calling, subscription: Id) -> dict[str, Any]:
        """What it would be given waits."""
        return await _paused(caller, subscription, paused=True)

    @router.post(
        "/v1/subscriptions/{subscription}/resume", summary="Hand out again", response_model=None, responses=_ONE
    )
    async def resume(caller: Calling, subscription: Id) -> dict[str, Any]:
        """From where it was paused."""
        return await _paused(caller, subscription, paused=False)

    async def _paused(caller: Caller, subscription: Id, *, paused: bool) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            await _one(connection, caller, subscription)
            await store.pause(connection, subscription, paused)
            return _served(await _one(connection, caller, subscription))

    @router.get(
        "/v1/subscriptions/{subscription}/events",
        summary="Pull events",
        response_class=Response,
        responses=answers(GivenEvents, "The next events"),
    )
    async def events(
        caller: Calling,
        subscription: Id,
        after: Annotated[str, Query(max_length=64, description=_CURSORS)] = "n0",
        limit: Annotated[int, Query(ge=1, le=MOST, description=LIMIT)] = 100,
    ) -> Response:
        """The next events, each a CloudEvent with its running `number`: a gap always means loss.

        Each is looked at again: of what may no longer be shown only `{"number", "withheld": true}` is left.
        """
        number = _number(after)
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            found = await _handed_to(connection, caller, subscription)
            told = await page(connection, secret, found, number, limit, clock())
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
        subscription: Id,
        after: Annotated[str, Query(max_length=64, description=_CURSORS)] = "n0",
        last_event_id: Annotated[
            str | None, Header(max_length=64, description="The `id` of the last event that came")
        ] = None,
    ) -> StreamingResponse:
        """As `…/events`, as they come. A reader that lost the connection sends `Last-Event-ID`, as browsers do.

        It ends after a quarter of an hour, and when the subscription is paused or ended.
        """
        number = _number(last_event_id or after)
        async with pool.acquire() as connection:
            await _handed_to(connection, caller, subscription)
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        frames = streams.listen(subscription, number, everything=caller.open)
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @router.get(
        "/v1/subscriptions/{subscription}/explain",
        summary="Why did an event come, or not?",
        response_model=None,
        responses=answers(Explained, "Why"),
    )
    async def explained(
        caller: Calling,
        subscription: Id,
        source: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's source")],
        event: Annotated[str, Query(max_length=512, pattern=STORABLE, description="The event's id")],
    ) -> dict[str, Any]:
        """`because`: given, withheld, unknown, before, filtered (and by which filter), waiting or not-shown."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            found = await _one(connection, caller, subscription)
            return await explain(connection, found, source, event, clock())

    return router


def _whose(caller: Caller) -> str | None:
    """Whose subscriptions the caller may look at; None: everybody's."""
    return None if caller.open or caller.may_be(Role.OPERATOR) else caller.org or ""


def _own(caller: Caller, org: str) -> str:
    if not caller.open and org != caller.org:
        raise Problem(403, "not-your-organisation", "config.organisation: must be the organisation of your token")
    return org


async def _one(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    found = await store.one(connection, id, _whose(caller))
    if found is None:
        raise Problem(404, "no-such-subscription", "there is no subscription with this id")
    return found.seeing(caller.open)


async def _handed_to(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    """The subscription, where its events may be handed to this caller now. Raises Problem."""
    found = await _one(connection, caller, id)
    if not caller.open and caller.org != found.org:
        raise Problem(403, "forbidden", "events are handed to the organisation that subscribed alone")
    if found.paused:
        raise Problem(409, "paused", "the subscription is paused: resume it first")
    return found


def _readable(wanted: Wanted) -> None:
    try:
        matcher(wanted.filters)
        stated(wanted.config.purpose, wanted.config.authority)
    except WrongFilter as wrong:
        raise Problem(422, "malformed-filter", str(wrong)) from None
    except NotStatedRight as wrong:
        raise Problem(422, wrong.reason, wrong.detail) from None


def _number(cursor: str) -> int:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise Problem(400, "malformed-cursor", "after must be the `next` of an earlier answer")
    return int(match[1])


def _served(found: Subscription) -> dict[str, Any]:
    config = {"organisation": found.org, "purpose": found.purpose, "authority": found.authority}
    return {
        "id": str(found.id),
        "protocol": found.protocol,
        "config": {name: value for name, value in config.items() if value is not None},
        "filters": list(found.filters),
        "paused": found.paused,
        "created": instant.serve(found.created_at),
        "count": found.last_number,
    }
