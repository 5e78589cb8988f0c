"""What a subscription would have been given lately; nothing is numbered, kept or posted."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from pathline import instant
from pathline_gateway.access_log.request_row import request_number
from pathline_gateway.background.faults import concerns_record
from pathline_gateway.background.isolation import in_parts
from pathline_gateway.streams.api import dry_run_repository
from pathline_gateway.streams.api.request_schemas import SubscriptionForm
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, numbered, render_events
from pathline_gateway.streams.dispatch.isolation import Recipients
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

_ENTRIES: Final = 50_000
"""Of the change log; beyond these nothing is looked at."""
_PAGE: Final = 1_000
_SHOWN: Final = 100
_LONGEST_S: Final = 8.0


def as_if(wanted: SubscriptionForm, org: str, *, everything: bool) -> Subscription:
    """The subscription that this would have been, from the first event on."""
    said = (wanted.protocol, wanted.config.purpose, wanted.config.authority, wanted.filters)
    return Subscription(UUID(int=0), org, everything, *said, False, datetime.now(UTC), -1, 0)


async def dry_run(
    connection: asyncpg.Connection, secret: bytes, subscription: Subscription, days: int, now: datetime
) -> dict[str, Any]:
    """The answer of `…/dry-run`. Call within a transaction whose statements see one moment; `now`: of what is seen."""
    asked = datetime.now(UTC) - timedelta(days=days)
    window = await dry_run_repository.window(connection, asked, _ENTRIES)
    index = SubscriptionIndex([subscription])
    counted: Counter[str] = Counter()
    first: list[tuple[int, str]] = []
    begin, end = (0, 0) if window is None else (window.begin, window.end)
    until = time.monotonic() + _LONGEST_S
    while begin < end and time.monotonic() < until:
        following = min(begin + _PAGE, end)
        rows = await subscription_repository.events(connection, begin, following)
        wanted = await _wanted(connection, index, now, rows)
        for _, row in wanted:
            counted[row["type"]] += 1
            first += [(row["source_number"], row["id"])] if len(first) < _SHOWN else []
        begin = following
    rows = await dry_run_repository.stored(connection, first)
    moment = RenderContext(connection, secret, now, strict=True)
    events = await render_events(moment, subscription, numbered(rows), request_number())
    complete = begin >= end and (window is None or window.entries < _ENTRIES)
    return {
        "days": days,
        "since": instant.serve(asked if complete or window is None else window.since),
        "complete": complete,
        "given": counted.total(),
        "by_type": dict(sorted(counted.items())),
        "events": events,
    }


async def _wanted(
    connection: asyncpg.Connection, index: SubscriptionIndex, now: datetime, rows: Sequence[asyncpg.Record]
) -> Recipients:
    """Who wants these events, less those of pathways that cannot be computed."""
    try:
        async with connection.transaction():
            return (await select_recipients(index, VisibilityCache(connection, now), rows))[0]
    except Exception as failed:
        if not concerns_record(failed):
            raise

    async def fold(some: Sequence[UUID]) -> None:
        await select_recipients(
            index, VisibilityCache(connection, now), [row for row in rows if row["pathway"] in some]
        )

    failing = await in_parts(connection, list({row["pathway"] for row in rows}), fold)
    return (
        await select_recipients(
            index, VisibilityCache(connection, now), [row for row in rows if row["pathway"] not in failing]
        )
    )[0]
