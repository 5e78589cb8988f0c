"""Whose a subscription is, and who may do what with it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Path

from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.web.problem import Problem

Id = Annotated[UUID, Path(description="The subscription's id.")]
"""Which one a route is about."""


def whose(caller: Caller) -> str | None:
    """Whose subscriptions the caller may look at; None: everybody's."""
    return None if caller.open or caller.may_be(Role.OPERATOR) else caller.org or ""


def own(caller: Caller, org: str) -> str:
    """The caller's own organisation, as named. Raises Problem."""
    if not caller.open and org != caller.org:
        raise Problem(403, "not-your-organisation", "config.organisation: must be the organisation of your token")
    return org


async def one_of(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    """This subscription, where the caller may know of it. Raises Problem."""
    found = await subscription_repository.one(connection, id, whose(caller))
    if found is None:
        raise Problem(404, "no-such-subscription", "there is no subscription with this id")
    return found.seeing(caller.open)


async def handed_to(connection: asyncpg.Connection, caller: Caller, id: UUID) -> Subscription:
    """The subscription, where its events may be handed to this caller now. Raises Problem."""
    found = await one_of(connection, caller, id)
    if not caller.open and caller.org != found.org:
        raise Problem(403, "forbidden", "events are handed to the organisation that subscribed alone")
    if found.paused:
        raise Problem(409, "paused", "the subscription is paused: resume it first")
    return found


async def series_of(connection: asyncpg.Connection, found: Subscription, n: int) -> Subscription:
    """This series of the subscription. Raises Problem."""
    if n == 1:
        return found
    series = await subscription_repository.series(connection, found.id, n)
    if series is None:
        raise Problem(404, "no-such-series", "the subscription has no series of this number: see `…/replay`")
    return series._replace(operator=found.operator)
