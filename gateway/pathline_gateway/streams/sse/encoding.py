"""Events as server-sent events: frames, each with the cursor after which its reader goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from pathline_gateway.streams.dispatch.event_rendering import NumberedRow, RenderContext, forgotten, render_events
from pathline_gateway.streams.subscriptions.repository import Subscription


@dataclass(frozen=True, slots=True)
class EventPage:
    """What one stream is given next."""

    frames: bytes
    last: int
    """The number after which it goes on."""
    more: bool
    """There was more already."""


def framed_gap(subscription: Subscription, after: int) -> bytes:
    """What stands in place of events after this number that are kept no more; nothing where all are."""
    to = subscription.forgotten_to
    return _frame(subscription.prefix, forgotten(subscription, after, to)) if to > after else b""


async def framed(
    moment: RenderContext, subscription: Subscription, events: Iterable[NumberedRow], trace: bytes | None
) -> bytes:
    """These events as the subscription is told them, logged with this trace."""
    told = await render_events(moment, subscription, events, trace)
    return b"".join(_frame(subscription.prefix, event) for event in told)


def _frame(prefix: str, event: dict[str, Any]) -> bytes:
    # Data as its publisher sent it may hold line feeds, which would end the field.
    data = orjson.dumps(event).replace(b"\n", b" ").replace(b"\r", b" ")
    return b"id: %sn%d\ndata: %s\n\n" % (prefix.encode(), event["number"], data)
