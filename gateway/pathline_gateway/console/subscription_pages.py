"""`/console/streams`: who is subscribed and does she receive; and one subscription, with what can be done about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.console.subscription_summary import SubscriptionSummary, stream
from pathline_gateway.streams.api.access import one_of, series_of, whose
from pathline_gateway.streams.api.explain import explain
from pathline_gateway.streams.api.replay_endpoints import opened
from pathline_gateway.streams.api.status import standing
from pathline_gateway.streams.sse.stream import Streams
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.webhooks import endpoint_repository
from pathline_gateway.web import forms
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

_LISTED: Final = 100
_FIRST: Final = UUID(int=0)
_DONE: Final = {
    "pause": "Paused. Its events wait.",
    "resume": "Resumed: it is tried again at once.",
    "redrive": "Failed events are tried again.",
    "replay": "A further series was opened: see below.",
}

Done = Annotated[str, Query(max_length=20)]
After = Annotated[int, Query(ge=0, lt=2**63)]
"""After which number what was given up is listed."""
Sent = TypeVar("Sent", bound=BaseModel)


class Acted(BaseModel):
    """A button; `series` where it is about a replay."""

    series: Annotated[int, Field(ge=1, le=999_999)] = 1


class From(BaseModel):
    """From where on to give again."""

    start: Annotated[str, Field(min_length=1, max_length=64, pattern=STORABLE)]


class Asked(BaseModel):
    """An event, by what its publisher calls it. It travels in the body: an id may say something of a person."""

    source: Annotated[str, Field(min_length=1, max_length=512, pattern=STORABLE)]
    id: Annotated[str, Field(min_length=1, max_length=512, pattern=STORABLE)]


def routes(streams: Streams) -> APIRouter:
    """`/console/streams`, each subscription, and what its forms send."""
    pool, clock = streams.pool, streams.clock
    router = APIRouter(include_in_schema=False)

    @router.get("/console/streams")
    async def listed(caller: CurrentCaller, after: UUID = _FIRST) -> Response:
        """Does everybody receive?"""
        async with pool.acquire() as connection, _one_moment(connection):
            found = await subscription_repository.listed(connection, whose(caller), after, _LISTED)
            lines = [stream(each, await standing(connection, each), _now()) for each in found]
        following = lines[-1].id if len(lines) == _LISTED else None
        return page("streams.html", streams=lines, following=following)

    @router.get("/console/streams/{subscription}")
    async def one(caller: CurrentCaller, subscription: UUID, done: Done = "", after: After = 0) -> Response:
        """Does it receive; and if not, why?"""
        try:
            shown, failures = await _shown(caller, subscription, after)
        except Problem as problem:
            if problem.status != 404:
                raise
            return page("stream_missing.html", 404)
        return _page(shown, failures, said=_DONE.get(done))

    @router.post("/console/streams/{subscription}/pause")
    async def pause(caller: CurrentCaller, subscription: UUID, request: Request) -> Response:
        """Nothing is handed out until it is resumed."""
        await _sent(request, Acted)
        async with pool.acquire() as connection, connection.transaction():
            await one_of(connection, caller, subscription)
            await subscription_repository.pause(connection, subscription, True)
        return _back(subscription, "pause")

    @router.post("/console/streams/{subscription}/resume")
    async def resume(caller: CurrentCaller, subscription: UUID, request: Request) -> Response:
        """It is handed out again; its sink is tried at once."""
        await _sent(request, Acted)
        async with pool.acquire() as connection, connection.transaction():
            await one_of(connection, caller, subscription)
            await subscription_repository.pause(connection, subscription, False)
            await endpoint_repository.resume(connection, subscription)
        return _back(subscription, "resume")

    @router.post("/console/streams/{subscription}/redrive")
    async def redrive(caller: CurrentCaller, subscription: UUID, request: Request) -> Response:
        """What was given up is tried again."""
        wanted = await _sent(request, Acted)
        async with pool.acquire() as connection, connection.transaction():
            of = await series_of(connection, await one_of(connection, caller, subscription), wanted.series)
            await endpoint_repository.redrive(connection, of.id, None)
        return _back(subscription, "redrive")

    @router.post("/console/streams/{subscription}/replay")
    async def replay(caller: CurrentCaller, subscription: UUID, request: Request) -> Response:
        """Its owner is given again what was stored: an operator opens the series, and is handed nothing of it."""
        wanted = await _sent(request, From)
        try:
            async with pool.acquire() as connection, connection.transaction():
                await opened(connection, await one_of(connection, caller, subscription), wanted.start, streams.limits)
        except Problem as problem:
            if problem.status == 404:
                raise
            return _page(*await _shown(caller, subscription), problem.status, wrong=problem.detail)
        return _back(subscription, "replay")

    @router.post("/console/streams/{subscription}/explain")
    async def explained(caller: CurrentCaller, subscription: UUID, request: Request) -> Response:
        """Why did an event come, or not?"""
        wanted = await _sent(request, Asked)
        async with reading(streams.slow) as connection:
            found = await one_of(connection, caller, subscription)
            because = await explain(connection, found, caller, wanted.source, wanted.id, clock())
        shown, failures = await _shown(caller, subscription)
        return _page(shown, failures, because=because, asked=wanted)

    async def _shown(
        caller: Caller, subscription: UUID, after: int = 0
    ) -> tuple[SubscriptionSummary, list[endpoint_repository.DeadLetterRow]]:
        async with pool.acquire() as connection, _one_moment(connection):
            found = await one_of(connection, caller, subscription)
            shown = stream(found, await standing(connection, found), _now())
            return shown, await endpoint_repository.failures(connection, found.id, after, _LISTED)

    return router


def _page(
    shown: SubscriptionSummary,
    failures: list[endpoint_repository.DeadLetterRow],
    status: int = 200,
    *,
    said: str | None = None,
    wrong: str | None = None,
    because: dict[str, Any] | None = None,
    asked: Asked | None = None,
) -> Response:
    said_of = {"said": said, "wrong": wrong, "because": because, "asked": asked}
    following = failures[-1].number if len(failures) == _LISTED else None
    more = {"failures": failures, "following": following}
    return page("stream.html", status, referrer="same-origin", stream=shown, told=said_of, **more)


def _one_moment(connection: asyncpg.Connection) -> asyncpg.transaction.Transaction:
    return connection.transaction(isolation="repeatable_read", readonly=True)


def _now() -> datetime:
    """Sinks are judged by the machine's clock, as by those who post to them."""
    return datetime.now(UTC)


async def _sent(request: Request, model: type[Sent]) -> Sent:
    if not forms.is_ours(request):
        raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
    try:
        return model.model_validate(await forms.sent(request))
    except ValidationError as wrong:
        fields = ", ".join(str(error["loc"][0]) for error in wrong.errors() if error["loc"])
        raise Problem(422, "invalid-request", f"{fields}: send what the page asks for") from None


def _back(subscription: UUID, done: str) -> Response:
    return RedirectResponse(f"/console/streams/{subscription}?{urlencode({'done': done})}", 303)
