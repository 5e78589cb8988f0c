"""Events as server-sent events: frames, each with the cursor after which its reader goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from pathline_gateway.streams.dispatch.delivery_spans import SampledDeliveries
from pathline_gateway.streams.dispatch.event_rendering import (
    NumberedRow,
    RenderContext,
    forgotten_marker,
    render_events,
    sampled_deliveries,
)
from pathline_gateway.streams.subscriptions.repository import Subscription


@dataclass(frozen=True, slots=True)
class EventPage:
    """What one stream is given next."""

    frames: bytes
    last_number: int
    """The number after which it goes on."""
    has_more: bool
    """There was more already."""
    deliveries: SampledDeliveries
    """To be recorded once the frames have left."""


def encode_gap(subscription: Subscription, after: int) -> bytes:
    """What stands in place of events after this number that are kept no more; nothing where all are."""
    pruned_through = subscription.pruned_through
    return (
        _encode_frame(subscription.prefix, forgotten_marker(subscription, after, pruned_through))
        if pruned_through > after
        else b""
    )


async def encode_events(
    context: RenderContext, subscription: Subscription, events: Sequence[NumberedRow], trace: bytes | None
) -> tuple[bytes, SampledDeliveries]:
    """These events as the subscription is told them, logged with this trace; and what is recorded once they leave."""
    rendered = await render_events(context, subscription, events, trace)
    frames = b"".join(_encode_frame(subscription.prefix, event) for event in rendered)
    return frames, sampled_deliveries(context, subscription, events, rendered)


def _encode_frame(prefix: str, event: dict[str, Any]) -> bytes:
    # Data as its publisher sent it may hold line feeds, which would end the field.
    data = orjson.dumps(event).replace(b"\n", b" ").replace(b"\r", b" ")
    return b"id: %sn%d\ndata: %s\n\n" % (prefix.encode(), event["number"], data)
