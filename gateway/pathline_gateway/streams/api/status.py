"""`…/status`: how receiving goes, of whatever protocol."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from pathline import instant
from pathline_gateway.streams.dispatch import replay_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import endpoint_repository
from pathline_gateway.streams.webhooks.endpoint_repository import EndpointHealthRow


async def standing(connection: asyncpg.Connection, found: Subscription) -> dict[str, Any]:
    """The answer of `…/status`. Call within a transaction whose statements see one moment."""
    replayed = []
    for each in await replay_repository.every(connection, found.id):
        series = await subscription_repository.series(connection, found.id, each.series)
        if series is not None:
            replayed.append({**each._asdict(), **await _standing(connection, series)})
    return {**await _standing(connection, found), "replays": replayed}


async def _standing(connection: asyncpg.Connection, found: Subscription) -> dict[str, Any]:
    posted = await endpoint_repository.standing(connection, found.id)
    if posted is None:
        return await _read(connection, found)
    waiting_since = (
        await endpoint_repository.given_at(connection, found.id, posted.first_waiting) if posted.waiting else None
    )
    failure = {"at": _served(posted.last_failure_at), "reason": posted.last_failure}
    return {
        "state": _state(found, posted),
        "given": posted.last_number,
        "delivered": posted.first_waiting - 1,
        "waiting": posted.waiting,
        "waiting_since": _served(waiting_since),
        "last_success": _served(posted.last_success_at),
        "last_failure": None if posted.last_failure is None else failure,
        "next_attempt": _served(_next_attempt(posted)),
        "failures": posted.failed,
    }


async def _read(connection: asyncpg.Connection, found: Subscription) -> dict[str, Any]:
    """Of one that is pulled or listened to: how far its reader is, as she last said."""
    asked = await endpoint_repository.last_asked(connection, found.id)
    has = 0 if asked is None else min(asked[0], found.last_number)
    waiting_since = await endpoint_repository.given_at(connection, found.id, has + 1)
    return {
        "state": "paused" if found.paused else "active",
        "given": found.last_number,
        "delivered": has,
        "waiting": found.last_number - has,
        "waiting_since": _served(waiting_since),
        "last_asked": None if asked is None else _served(asked[1]),
    }


def _state(found: Subscription, posted: EndpointHealthRow) -> str:
    if posted.stopped is not None:
        return posted.stopped
    if found.paused:
        return "paused"
    return "failing" if posted.failed_in_row else "active"


def _next_attempt(posted: EndpointHealthRow) -> datetime | None:
    """When the first event that failed is tried again, as far as that is known."""
    if posted.next_at is None or posted.stopped is not None:
        return None
    return max(posted.next_at, posted.not_before)


def _served(at: datetime | None) -> str | None:
    return None if at is None else instant.serve(at)
