"""Events that were pushed to a worker, and which of them may start at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pathline_gateway.streams.dispatch.delivery_spans import with_publisher
from pathline_gateway.streams.dispatch.event_rendering import NumberedRow, RenderContext, render_events
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks.delivery_rows import PendingEvent, SinkState
from pathline_gateway.streams.webhooks.payload import WebhookMessage, build_message


class PushedEvent(NamedTuple):
    """An event that was just given, and what is posted of it."""

    event: PendingEvent
    message: WebhookMessage


class PushedEvents(NamedTuple):
    """What one sink was just given, as the transaction that gave it finds it."""

    after: int
    """Earlier deliveries have this number, or a lower one."""
    events: Sequence[PushedEvent]
    state: SinkState
    secrets: Sequence[str]
    ordering_keys: Mapping[int, UUID | None]
    """On which pathway each event is now that was on its way."""


async def render_pushed(
    context: RenderContext, subscription: Subscription, events: Sequence[NumberedRow], now: datetime
) -> list[PushedEvent]:
    """These events, which were given now, as they are posted."""
    rendered = await render_events(context, subscription, events, None)
    return [
        PushedEvent(
            PendingEvent(number, now, row["pathway"], 0, None, None, False),
            build_message(
                subscription, number, event, with_publisher(context.delivery_trace(subscription, number), row, event)
            ),
        )
        for (number, row), event in zip(events, rendered, strict=True)
    ]


def startable_prefix(ordering_keys: Sequence[UUID | None], busy_keys: Iterable[UUID | None], free_slots: int) -> int:
    """How many events of these pathways may start at once: as many as there is room for, up to one that waits."""
    blocked_keys = {key for key in busy_keys if key is not None}
    for n, ordering_key in enumerate(ordering_keys[:free_slots]):
        if ordering_key in blocked_keys:
            return n
        blocked_keys |= {ordering_key} if ordering_key is not None else set()
    return min(len(ordering_keys), free_slots)
