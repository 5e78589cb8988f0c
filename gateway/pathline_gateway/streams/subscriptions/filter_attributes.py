"""What of an event its filters are held against: all attributes, or what another organisation may know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from pathline_gateway.pathways.stored_form import activity_of_data, kind_of_data, open_payload
from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes
from pathline_gateway.streams.subscriptions.repository import Subscription

_HIDDEN: Final = b'"location-hidden"'
_LOCATION_ATTRIBUTES: Final = ("source", "service", "channel", "activity")


def unredacted_attributes(row: Mapping[str, Any]) -> FilterAttributes:
    """For its publisher, and for those who see everything."""
    data = orjson.loads(open_payload(row["payload"]).data)
    kind = kind_of_data(row["source"], row["type"], data)
    said = kind._asdict() | {"activity": activity_of_data(kind.type, data)}
    return {name: said[name] if name in said else row[name] for name in ATTRIBUTES}


def redacted_attributes(row: Mapping[str, Any]) -> FilterAttributes:
    """For everybody else: the subject is its publisher's own, and where it took place may be hidden."""
    hidden = dict.fromkeys(_LOCATION_ATTRIBUTES) if _HIDDEN in row["payload"] else {}
    return {**unredacted_attributes(row), "subject": None, **hidden}


def sees_unredacted(subscription: Subscription, org: str) -> bool:
    """Whether a subscription is told the events of this organisation as they were sent."""
    return subscription.is_operator or subscription.org == org
