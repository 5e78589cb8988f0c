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
from pathline_gateway.set_aside.bisection import fold_with_bisection
from pathline_gateway.streams.api import dry_run_repository
from pathline_gateway.streams.api.request_schemas import SubscriptionForm
from pathline_gateway.streams.dispatch.event_rendering import RenderContext, render_events, with_numbers
from pathline_gateway.streams.dispatch.selection import Selection, select_recipients
from pathline_gateway.streams.dispatch.visibility_cache import VisibilityCache
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex

_MAX_ENTRIES: Final = 50_000
"""Of the change log; beyond these nothing is looked at."""
_PAGE_SIZE: Final = 1_000
_MAX_SAMPLES: Final = 100
_TIME_LIMIT_S: Final = 8.0


def hypothetical_subscription(form: SubscriptionForm, org: str, *, auth_disabled: bool) -> Subscription:
    """The subscription that this would have been, from the first event on."""
    fields = (form.protocol, form.config.purpose, form.config.authority, form.filters)
    return Subscription(UUID(int=0), org, auth_disabled, *fields, False, datetime.now(UTC), -1, 0)


async def dry_run(
    connection: asyncpg.Connection, secret: bytes, subscription: Subscription, days: int, now: datetime
) -> dict[str, Any]:
    """The answer of `…/dry-run`. Call within a transaction whose statements see one moment; `now`: of what is seen."""
    requested_since = datetime.now(UTC) - timedelta(days=days)
    window = await dry_run_repository.fetch_window(connection, requested_since, _MAX_ENTRIES)
    index = SubscriptionIndex([subscription])
    counts: Counter[str] = Counter()
    samples: list[tuple[int, str]] = []
    begin, end = (0, 0) if window is None else (window.begin, window.end)
    deadline = time.monotonic() + _TIME_LIMIT_S
    while begin < end and time.monotonic() < deadline:
        page_end = min(begin + _PAGE_SIZE, end)
        rows = await subscription_repository.fetch_events(connection, begin, page_end)
        recipients = await _select_computable(connection, index, now, rows)
        for row in recipients.rows.get(subscription.id, ()):
            counts[row["type"]] += 1
            samples += [(row["source_number"], row["id"])] if len(samples) < _MAX_SAMPLES else []
        begin = page_end
    rows = await dry_run_repository.fetch_stored(connection, samples)
    context = RenderContext(connection, secret, now, strict=True)
    events = await render_events(context, subscription, with_numbers(rows), request_number())
    complete = begin >= end and (window is None or window.entries < _MAX_ENTRIES)
    return {
        "days": days,
        "since": instant.to_text(requested_since if complete or window is None else window.since),
        "complete": complete,
        "given": counts.total(),
        "by_type": dict(sorted(counts.items())),
        "events": events,
    }


async def _select_computable(
    connection: asyncpg.Connection, index: SubscriptionIndex, now: datetime, rows: Sequence[asyncpg.Record]
) -> Selection:
    """Who wants these events, less those of pathways that cannot be computed."""
    try:
        async with connection.transaction():
            return (await select_recipients(index, VisibilityCache(connection, now), rows))[0]
    except Exception as error:
        if not concerns_record(error):
            raise

    async def fold(pathways: Sequence[UUID]) -> None:
        await select_recipients(
            index, VisibilityCache(connection, now), [row for row in rows if row["pathway"] in pathways]
        )

    failing_pathways = await fold_with_bisection(connection, list({row["pathway"] for row in rows}), fold)
    return (
        await select_recipients(
            index, VisibilityCache(connection, now), [row for row in rows if row["pathway"] not in failing_pathways]
        )
    )[0]
