"""How much of an event a subscription is sent: `full`, `thin` (names, and where the rest is), or `none`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pathline_gateway.streams.dispatch.gateway_events import available_event, data_reference
from pathline_gateway.streams.subscriptions.repository import Subscription

_THIN_ATTRIBUTES: Final = ("specversion", "id", "source", "type", "number", "series", "pathway", "traceparent")


def as_subscribed(subscription: Subscription, event: dict[str, Any]) -> dict[str, Any]:
    """The event as far as the subscription wants it; a marker stays as it is."""
    if subscription.payload == "full" or "specversion" not in event:
        return event
    if subscription.payload == "none":
        return available_event(subscription, event["number"])
    return thin_event(subscription, event)


def thin_event(subscription: Subscription, event: Mapping[str, Any]) -> dict[str, Any]:
    """What it is, and about which pathway, by the names that its reader knows; `dataref` says where the rest is."""
    names = {name: event[name] for name in _THIN_ATTRIBUTES if name in event}
    return {**names, "dataref": data_reference(subscription, event["number"])}
