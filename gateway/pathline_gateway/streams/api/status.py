"""`…/status`: how receiving goes, of whatever protocol."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg

from pathline import instant
from pathline_gateway.streams.dispatch import delivered_repository, replay_repository
from pathline_gateway.streams.kafka import progress_repository, topic_repository
from pathline_gateway.streams.subscriptions import read_position_repository
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks import sink_repository
from pathline_gateway.streams.webhooks.sink_repository import SinkHealthRow


async def load_status(connection: asyncpg.Connection, subscription: Subscription) -> dict[str, Any]:
    """The answer of `…/status`. Call within a transaction whose statements see one moment."""
    replays = []
    for each in await replay_repository.list_series(connection, subscription.id):
        series = await subscription_repository.find_series(connection, subscription.id, each.series)
        if series is not None:
            replays.append({**each._asdict(), **await _load_series_status(connection, series)})
    return {**await _load_series_status(connection, subscription), "replays": replays}


async def _load_series_status(connection: asyncpg.Connection, subscription: Subscription) -> dict[str, Any]:
    if subscription.protocol == "KAFKA":
        return await _load_topic_status(connection, subscription)
    health = await sink_repository.fetch_health(connection, subscription.id)
    if health is None:
        return await _load_reader_status(connection, subscription)
    waiting_since = (
        await delivered_repository.find_delivery_time(connection, subscription.id, health.first_waiting)
        if health.waiting
        else None
    )
    failure = {"at": _serialize_instant(health.last_failure_at), "reason": health.last_failure}
    return {
        "state": _state(subscription, health),
        "given": health.last_number,
        # What was given up was passed, and not delivered.
        "delivered": max(0, health.first_waiting - 1 - (health.failed - health.failed_ahead)),
        "waiting": health.waiting,
        "waiting_since": _serialize_instant(waiting_since),
        "last_success": _serialize_instant(health.last_success_at),
        "last_failure": None if health.last_failure is None else failure,
        "next_attempt": _serialize_instant(_next_attempt(health)),
        "failures": health.failed,
    }


async def _load_reader_status(connection: asyncpg.Connection, subscription: Subscription) -> dict[str, Any]:
    """Of one that is pulled or listened to: how far its reader is, as she last said."""
    last_request = await read_position_repository.find(connection, subscription.id)
    acked_through = 0 if last_request is None else min(last_request[0], subscription.last_number)
    waiting_since = await delivered_repository.find_delivery_time(connection, subscription.id, acked_through + 1)
    return {
        "state": "paused" if subscription.is_paused else "active",
        "given": subscription.last_number,
        "delivered": acked_through,
        "waiting": subscription.last_number - acked_through,
        "waiting_since": _serialize_instant(waiting_since),
        "last_asked": None if last_request is None else _serialize_instant(last_request[1]),
    }


async def _load_topic_status(connection: asyncpg.Connection, subscription: Subscription) -> dict[str, Any]:
    """Of one that is written to a topic."""
    progress = await progress_repository.find_progress(connection, subscription.id)
    topic = await topic_repository.find_of_series(connection, subscription.id)
    assert progress is not None, "a subscription of this protocol has it"
    assert topic is not None, "a subscription of this protocol has one"
    written = min(max(progress.acked_through, subscription.pruned_through), subscription.last_number)
    waiting_since = await delivered_repository.find_delivery_time(connection, subscription.id, written + 1)
    failure = {"at": _serialize_instant(progress.last_failure_at), "reason": progress.last_failure}
    is_failing = progress.consecutive_failures > 0
    state = "preparing" if not topic.is_ready else "failing" if is_failing else "active"
    return {
        "state": "paused" if subscription.is_paused else state,
        "given": subscription.last_number,
        "delivered": written,
        "waiting": subscription.last_number - written,
        "waiting_since": _serialize_instant(waiting_since),
        "last_success": _serialize_instant(progress.last_success_at),
        "last_failure": None if progress.last_failure is None else failure,
        "next_attempt": _serialize_instant(progress.not_before if is_failing else None),
    }


def _state(subscription: Subscription, health: SinkHealthRow) -> str:
    if health.stop_reason is not None:
        return health.stop_reason
    if subscription.is_paused:
        return "paused"
    return "failing" if health.consecutive_failures else "active"


def _next_attempt(health: SinkHealthRow) -> datetime | None:
    """When the first event that failed is tried again, as far as that is known."""
    if health.next_attempt_at is None or health.stop_reason is not None:
        return None
    return max(health.next_attempt_at, health.not_before)


def _serialize_instant(at: datetime | None) -> str | None:
    return None if at is None else instant.to_text(at)
