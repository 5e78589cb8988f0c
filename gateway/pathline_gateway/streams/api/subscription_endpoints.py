"""`/v1/subscriptions`: what an organisation wants to be told of, and how it receives that."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import orjson
from fastapi import APIRouter, Query, Response

from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Subscriber, SubscriberOrOperator
from pathline_gateway.streams.api.access import SubscriptionId, org_filter, require_own_org, require_subscription
from pathline_gateway.streams.api.dry_run import dry_run, hypothetical_subscription
from pathline_gateway.streams.api.request_schemas import DryRunForm, SubscriptionForm, validate_form
from pathline_gateway.streams.api.serialization import serialize_subscription
from pathline_gateway.streams.api.services import Admission, Sender, Topics
from pathline_gateway.streams.api.subscription_schemas import (
    CreatedSubscription,
    DryRunResult,
    ServedSubscription,
    Subscriptions,
)
from pathline_gateway.streams.kafka import progress_repository, topic_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import sink_repository
from pathline_gateway.streams.webhooks.signature import new_secret
from pathline_gateway.visibility.response_time_padding import RESPONSE_TIME_PADDING, is_restricted
from pathline_gateway.web.context import AppContext, Context, RequestPool
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem

_MIN_ID = UUID(int=0)
_SUBSCRIPTION_RESPONSES: Final = response_docs(ServedSubscription, "As it stands now")


router = APIRouter(tags=["subscriptions"])


@router.post(
    "/v1/subscriptions",
    summary="Subscribe to events",
    status_code=201,
    response_model=None,
    responses=response_docs(CreatedSubscription, {201: "As it stands now"}),
)
async def create_subscription(
    pool: RequestPool, sender: Sender, topics: Topics, admission: Admission, caller: Subscriber, form: SubscriptionForm
) -> dict[str, Any]:
    """Everything that is stored from now on, that the filters want and the organisation may see.

    Of a webhook the `secret` that signs is told here, and never again. Its sink is asked first, by OPTIONS.
    """
    validate_form(form, admission.limits)
    org = require_own_org(caller, form.config.organisation)
    fields = (form.protocol, form.config.purpose, form.config.authority, form.filters, form.config.payload)
    async with pool.acquire() as connection:
        await admission.budget.ensure_room(connection, org, form)
    rate = None if form.sink is None else await sender.verify(form.sink)
    wish = None if form.protocol != "KAFKA" else await topics.check(org, *_topic_fields(form))
    secret: dict[str, str] = {}
    async with pool.acquire() as connection, connection.transaction():
        await admission.budget.ensure_room(connection, org, form)
        id = await subscription_repository.create(connection, org, caller.auth_disabled, *fields)
        if form.sink is not None:
            secret = {"secret": new_secret()}
            await sink_repository.create(connection, id, form.sink, rate, secret["secret"])
        if wish is not None:
            await topics.create(connection, id, wish)
        made = await serialize_subscription(connection, await require_subscription(connection, caller, id), **secret)
    topics.wake_keeper()
    return made


@router.post(
    "/v1/subscriptions/dry-run",
    summary="What would a subscription have been given?",
    response_class=Response,
    responses=response_docs(DryRunResult, "What it would have been given"),
)
async def dry_run_subscription(
    context: Context, admission: Admission, caller: Subscriber, form: DryRunForm
) -> Response:
    """Counts by type, and the first hundred events, of what was stored in the last `days`, as they may be seen now.

    Nothing is made, and no sink is asked. `complete` is false where there was too much to look at; `since` is from
    when on it was.
    """
    validate_form(form, admission.limits)
    subscription = hypothetical_subscription(
        form, require_own_org(caller, form.config.organisation), auth_disabled=caller.auth_disabled
    )
    async with RESPONSE_TIME_PADDING.padded(enabled=is_restricted(caller)):
        with admission.dry_runs.acquire(subscription.org):
            return await _run_dry_run(context, form, subscription)


@router.get(
    "/v1/subscriptions",
    summary="List subscriptions",
    response_model=None,
    responses=response_docs(Subscriptions, "By id"),
)
async def list_subscriptions(
    pool: RequestPool,
    caller: SubscriberOrOperator,
    after: Annotated[UUID, Query(description=AFTER_DESCRIPTION)] = _MIN_ID,
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """The caller's own; all for an operator. `next` is the `after` of the next page."""
    async with pool.acquire() as connection:
        page = await subscription_repository.list_page(connection, org_filter(caller), after, limit)
        next_after = str(page[-1].id) if len(page) == limit else None
        return {
            "subscriptions": [await serialize_subscription(connection, each) for each in page],
            "next": next_after,
        }


@router.get(
    "/v1/subscriptions/{subscription}",
    summary="One subscription",
    response_model=None,
    responses=_SUBSCRIPTION_RESPONSES,
)
async def get_subscription(
    pool: RequestPool, caller: SubscriberOrOperator, subscription: SubscriptionId
) -> dict[str, Any]:
    """What it wants, and how many events it was given."""
    async with pool.acquire() as connection:
        return await serialize_subscription(connection, await require_subscription(connection, caller, subscription))


@router.put(
    "/v1/subscriptions/{subscription}",
    summary="Change what a subscription wants",
    response_model=None,
    responses=_SUBSCRIPTION_RESPONSES,
)
async def change_subscription(
    pool: RequestPool,
    sender: Sender,
    topics: Topics,
    admission: Admission,
    caller: Subscriber,
    subscription: SubscriptionId,
    form: SubscriptionForm,
) -> dict[str, Any]:
    """It holds for the next event that is stored; earlier deliveries stay. A new sink is asked first."""
    validate_form(form, admission.limits)
    async with pool.acquire() as connection:
        current = await require_subscription(connection, caller, subscription)
        sink = await sink_repository.find_url(connection, subscription)
        topic = await topic_repository.find(connection, subscription)
    if form.config.organisation != current.org:
        raise Problem(409, "another-organisation", "config.organisation: subscribe anew for another")
    if (form.sink is None) != (sink is None) or (form.protocol == "KAFKA") != (topic is not None):
        raise Problem(409, "another-protocol", "protocol: subscribe anew to receive another way")
    if topic is not None and form.config.partitions not in (None, topic.partitions):
        raise Problem(409, "another-partitioning", "config.partitions: would break the order; subscribe anew")
    rate = None if form.sink in (None, sink) else await sender.verify(str(form.sink))
    wish = None if topic is None else await topics.check(current.org, *_topic_fields(form))
    async with pool.acquire() as connection, connection.transaction():
        await admission.budget.ensure_room(connection, current.org, form, replaces=subscription)
        fields = (form.config.purpose, form.config.authority, form.filters, form.config.payload)
        await subscription_repository.update(connection, subscription, *fields)
        if form.sink is not None and form.sink != sink:
            await sink_repository.change_url(connection, subscription, form.sink, rate)
        if wish is not None:
            await topic_repository.change(connection, subscription, wish.principal, wish.retention_hours)
        changed = await serialize_subscription(connection, await require_subscription(connection, caller, subscription))
    topics.wake_keeper()
    return changed


@router.delete("/v1/subscriptions/{subscription}", summary="End a subscription", status_code=204)
async def end_subscription(
    pool: RequestPool, topics: Topics, caller: SubscriberOrOperator, subscription: SubscriptionId
) -> Response:
    """What it was given is forgotten; its topic is deleted, with all that is in it."""
    async with pool.acquire() as connection, connection.transaction():
        await require_subscription(connection, caller, subscription)
        await subscription_repository.delete(connection, subscription)
    topics.wake_keeper()
    return Response(status_code=204)


@router.post(
    "/v1/subscriptions/{subscription}/pause",
    summary="Pause delivery",
    response_model=None,
    responses=_SUBSCRIPTION_RESPONSES,
)
async def pause_subscription(
    pool: RequestPool, caller: SubscriberOrOperator, subscription: SubscriptionId
) -> dict[str, Any]:
    """What it would be given waits."""
    return await _set_paused(pool, caller, subscription, paused=True)


@router.post(
    "/v1/subscriptions/{subscription}/resume",
    summary="Hand out again",
    response_model=None,
    responses=_SUBSCRIPTION_RESPONSES,
)
async def resume_subscription(
    pool: RequestPool, caller: SubscriberOrOperator, subscription: SubscriptionId
) -> dict[str, Any]:
    """From where it was paused, or where the posting to its sink stopped: the gateway tries that again at once."""
    return await _set_paused(pool, caller, subscription, paused=False)


def _topic_fields(form: SubscriptionForm) -> tuple[str | None, int | None, int | None]:
    return form.config.principal, form.config.partitions, form.config.retention_hours


async def _run_dry_run(context: AppContext, form: DryRunForm, subscription: Subscription) -> Response:
    async with context.slow_pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        result = await dry_run(connection, context.secret, subscription, form.days, context.clock())
    return Response(orjson.dumps(result), media_type="application/json", headers={"cache-control": "no-store"})


async def _set_paused(pool: asyncpg.Pool, caller: Caller, subscription: UUID, *, paused: bool) -> dict[str, Any]:
    async with pool.acquire() as connection, connection.transaction():
        await require_subscription(connection, caller, subscription)
        await subscription_repository.set_paused(connection, subscription, paused)
        if not paused:
            await sink_repository.resume(connection, subscription)
            await progress_repository.resume(connection, subscription)
        return await serialize_subscription(connection, await require_subscription(connection, caller, subscription))
