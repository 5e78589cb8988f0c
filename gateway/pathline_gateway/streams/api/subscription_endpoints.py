"""`/v1/subscriptions`: what an organisation wants to be told of, and how it receives that."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Response

from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.limits.at_once import AtOnce
from pathline_gateway.streams.api import event_endpoints, replay_endpoints, webhook_endpoints
from pathline_gateway.streams.api.access import Id, one_of, own, whose
from pathline_gateway.streams.api.dry_run import as_if, dry_run
from pathline_gateway.streams.api.event_endpoints import MOST
from pathline_gateway.streams.api.request_schemas import DryRunForm, SubscriptionForm, readable
from pathline_gateway.streams.api.serialization import served
from pathline_gateway.streams.api.subscription_budget import SubscriptionBudget
from pathline_gateway.streams.api.subscription_schemas import (
    CreatedSubscription,
    DryRunResult,
    ServedSubscription,
    Subscriptions,
)
from pathline_gateway.streams.sse.stream import Streams
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import endpoint_repository
from pathline_gateway.streams.webhooks.sender import WebhookSender
from pathline_gateway.streams.webhooks.signature import new_secret
from pathline_gateway.visibility.padding import PADDING, is_told_less
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers
from pathline_gateway.web.problem import Problem

_FIRST = UUID(int=0)
_ONE: Final = answers(ServedSubscription, "As it stands now")


def routes(streams: Streams, sinks: WebhookSender) -> APIRouter:
    """Create, read, change, delete, list, pause, resume; and all that is asked of one subscription."""
    pool, limits = streams.pool, streams.limits
    budget = SubscriptionBudget(limits)
    dry_runs = AtOnce(limits.named("dry_runs"), limits.named("dry_runs_at_once"))
    router = APIRouter(tags=["subscriptions"])
    router.include_router(webhook_endpoints.routes(streams, sinks))
    router.include_router(event_endpoints.routes(streams))
    router.include_router(replay_endpoints.routes(streams))

    @router.post(
        "/v1/subscriptions",
        summary="Subscribe to events",
        status_code=201,
        response_model=None,
        responses=answers(CreatedSubscription, {201: "As it stands now"}),
    )
    async def make(caller: CurrentCaller, wanted: SubscriptionForm) -> dict[str, Any]:
        """Everything that is stored from now on, that the filters want and the organisation may see.

        Of a webhook the `secret` that signs is told here, and never again. Its sink is asked first, by OPTIONS.
        """
        readable(wanted, limits)
        org = own(caller, wanted.config.organisation)
        said = (wanted.protocol, wanted.config.purpose, wanted.config.authority, wanted.filters)
        async with pool.acquire() as connection:
            await budget.leaves_room(connection, org, wanted)
        rate = None if wanted.sink is None else await sinks.agreed(wanted.sink)
        async with pool.acquire() as connection, connection.transaction():
            await budget.leaves_room(connection, org, wanted)
            id = await subscription_repository.make(connection, org, caller.open, *said)
            if wanted.sink is None:
                return await served(connection, await one_of(connection, caller, id))
            secret = new_secret()
            await endpoint_repository.make(connection, id, wanted.sink, rate, secret)
            return await served(connection, await one_of(connection, caller, id), secret=secret)

    @router.post(
        "/v1/subscriptions/dry-run",
        summary="What would a subscription have been given?",
        response_class=Response,
        responses=answers(DryRunResult, "What it would have been given"),
    )
    async def tried(caller: CurrentCaller, wanted: DryRunForm) -> Response:
        """Counts by type, and the first hundred events, of what was stored in the last `days`, as they may be seen now.

        Nothing is made, and no sink is asked. `complete` is false where there was too much to look at; `since` is from
        when on it was.
        """
        readable(wanted, limits)
        subscription = as_if(wanted, own(caller, wanted.config.organisation), everything=caller.open)
        async with PADDING.padded(wanted=is_told_less(caller)):
            with dry_runs.one(subscription.org):
                return await _tried(wanted, subscription)

    async def _tried(wanted: DryRunForm, subscription: Subscription) -> Response:
        async with streams.slow.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            said = await dry_run(connection, streams.secret, subscription, wanted.days, streams.clock())
        return Response(orjson.dumps(said), media_type="application/json", headers={"cache-control": "no-store"})

    @router.get(
        "/v1/subscriptions",
        summary="List subscriptions",
        response_model=None,
        responses=answers(Subscriptions, "By id"),
    )
    async def listed(
        caller: CurrentCaller,
        after: Annotated[UUID, Query(description=AFTER)] = _FIRST,
        limit: Annotated[int, Query(ge=1, le=MOST, description=LIMIT)] = 100,
    ) -> dict[str, Any]:
        """The caller's own; all for an operator. `next` is the `after` of the next page."""
        async with pool.acquire() as connection:
            found = await subscription_repository.listed(connection, whose(caller), after, limit)
            following = str(found[-1].id) if len(found) == limit else None
            return {"subscriptions": [await served(connection, each) for each in found], "next": following}

    @router.get("/v1/subscriptions/{subscription}", summary="One subscription", response_model=None, responses=_ONE)
    async def one(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """What it wants, and how many events it was given."""
        async with pool.acquire() as connection:
            return await served(connection, await one_of(connection, caller, subscription))

    @router.put(
        "/v1/subscriptions/{subscription}",
        summary="Change what a subscription wants",
        response_model=None,
        responses=_ONE,
    )
    async def change(caller: CurrentCaller, subscription: Id, wanted: SubscriptionForm) -> dict[str, Any]:
        """It holds for the next event that is stored; what was given stays given. A new sink is asked first."""
        readable(wanted, limits)
        async with pool.acquire() as connection:
            known = await one_of(connection, caller, subscription)
            sink = await endpoint_repository.url(connection, subscription)
        if wanted.config.organisation != known.org:
            raise Problem(409, "another-organisation", "config.organisation: subscribe anew for another")
        if (wanted.sink is None) != (sink is None):
            raise Problem(409, "another-protocol", "protocol: subscribe anew to receive another way")
        rate = None if wanted.sink in (None, sink) else await sinks.agreed(str(wanted.sink))
        async with pool.acquire() as connection, connection.transaction():
            await budget.leaves_room(connection, known.org, wanted, instead_of=subscription)
            said = (wanted.config.purpose, wanted.config.authority, wanted.filters)
            await subscription_repository.change(connection, subscription, *said)
            if wanted.sink is not None and wanted.sink != sink:
                await endpoint_repository.move(connection, subscription, wanted.sink, rate)
            return await served(connection, await one_of(connection, caller, subscription))

    @router.delete("/v1/subscriptions/{subscription}", summary="End a subscription", status_code=204)
    async def end(caller: CurrentCaller, subscription: Id) -> Response:
        """What it was given is forgotten."""
        async with pool.acquire() as connection, connection.transaction():
            await one_of(connection, caller, subscription)
            await subscription_repository.forget(connection, subscription)
        return Response(status_code=204)

    @router.post(
        "/v1/subscriptions/{subscription}/pause",
        summary="Pause delivery",
        response_model=None,
        responses=_ONE,
    )
    async def pause(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """What it would be given waits."""
        return await _paused(caller, subscription, paused=True)

    @router.post(
        "/v1/subscriptions/{subscription}/resume", summary="Hand out again", response_model=None, responses=_ONE
    )
    async def resume(caller: CurrentCaller, subscription: Id) -> dict[str, Any]:
        """From where it was paused; or where the posting to its sink was stopped: that is tried again at once."""
        return await _paused(caller, subscription, paused=False)

    async def _paused(caller: Caller, subscription: UUID, *, paused: bool) -> dict[str, Any]:
        async with pool.acquire() as connection, connection.transaction():
            await one_of(connection, caller, subscription)
            await subscription_repository.pause(connection, subscription, paused)
            if not paused:
                await endpoint_repository.resume(connection, subscription)
            return await served(connection, await one_of(connection, caller, subscription))

    return router
