"""Whose a subscription is, and who may do what with it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Path, Query

from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.web.problem import Problem

SubscriptionId = Annotated[UUID, Path(description="The subscription's id.")]
"""Which one a route is about."""
SeriesNumber = Annotated[int, Query(ge=1, le=999_999, description="Which series: 1, or that of a replay.")]


def org_filter(caller: Caller) -> str | None:
    """Whose subscriptions the caller may look at; None: everybody's."""
    return None if caller.auth_disabled or caller.has_any_role(Role.OPERATOR) else caller.org or ""


def require_own_org(caller: Caller, org: str) -> str:
    """The caller's own organisation, as named. Raises Problem."""
    if not caller.auth_disabled and org != caller.org:
        raise Problem(403, "not-your-organisation", "config.organisation: must be the organisation of your token")
    return org


async def require_subscription(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    """This subscription, where the caller may know of it. Raises Problem."""
    subscription = await subscription_repository.find(connection, id, org_filter(caller))
    if subscription is None:
        raise Problem(404, "no-such-subscription", "there is no subscription with this id")
    return subscription.effective(caller.auth_disabled)


async def require_recipient(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    """The subscription, where its events may be handed to this caller now. Raises Problem."""
    subscription = await require_subscription(connection, caller, id)
    if not caller.auth_disabled and caller.org != subscription.org:
        raise Problem(403, "forbidden", "events are handed to the organisation that subscribed alone")
    if subscription.is_paused:
        raise Problem(409, "paused", "the subscription is paused: resume it first")
    return subscription


async def require_series(connection: asyncpg.Connection, subscription: Subscription, n: int) -> Subscription:
    """This series of the subscription. Raises Problem."""
    if n == 1:
        return subscription
    series = await subscription_repository.find_series(connection, subscription.id, n)
    if series is None:
        raise Problem(404, "no-such-series", "the subscription has no series of this number: see `…/replay`")
    return series._replace(is_operator=subscription.is_operator)
