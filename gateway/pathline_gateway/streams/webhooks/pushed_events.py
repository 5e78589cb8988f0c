"""Events that were pushed to a worker, and which of them may start at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pathline_gateway.streams.dispatch.event_rendering import NumberedRow, RenderContext, render_events
from pathline_gateway.streams.subscriptions.repository import Subscription
from pathline_gateway.streams.webhooks.delivery_repository import EndpointState, PendingEvent
from pathline_gateway.streams.webhooks.payload import WebhookMessage, message


class PushedEvent(NamedTuple):
    """An event that was just given, and what is posted of it."""

    event: PendingEvent
    said: WebhookMessage


class PushedEvents(NamedTuple):
    """What one sink was just given, as the transaction that gave it finds it."""

    after: int
    """What was given before has this number, or a lower one."""
    events: Sequence[PushedEvent]
    state: EndpointState
    keys: Sequence[str]
    lanes: Mapping[int, UUID | None]
    """On which pathway each event is now that was on its way."""


async def handed(
    moment: RenderContext, subscription: Subscription, events: Sequence[NumberedRow], now: datetime
) -> list[PushedEvent]:
    """These events, which were given now, as they are posted."""
    told = await render_events(moment, subscription, events, None)
    return [
        PushedEvent(
            PendingEvent(number, now, row["pathway"], 0, None, None, False), message(subscription, number, event)
        )
        for (number, row), event in zip(events, told, strict=True)
    ]


def begun(lanes: Sequence[UUID | None], busy: Iterable[UUID | None], room: int) -> int:
    """How many events along these pathways may be begun at once: as many as there is room for, up to one that waits."""
    taken = {lane for lane in busy if lane is not None}
    for n, lane in enumerate(lanes[:room]):
        if lane in taken:
            return n
        taken |= {lane} if lane is not None else set()
    return min(len(lanes), room)
