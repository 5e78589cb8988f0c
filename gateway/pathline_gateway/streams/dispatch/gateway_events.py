"""The CloudEvents that the gateway itself tells a subscriber, in place of an event or beside events.

Their schemas are in `pathline.vocabulary.notices`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pathline import instant
from pathline_gateway.streams.subscriptions.repository import Subscription

SOURCE: Final = "urn:pathline:gateway"
WITHHELD: Final = "org.pathline.event.withheld.v1"
AVAILABLE: Final = "org.pathline.event.available.v1"
FORGOTTEN: Final = "org.pathline.events.forgotten.v1"
CANARY: Final = "org.pathline.canary.v1"


def delivery_name(subscription: Subscription, number: int) -> str:
    """The name of the delivery with this number: the same whenever it is sent again."""
    series = "" if subscription.series == 1 else f"-{subscription.prefix}"
    return f"{subscription.root}{series}-{number}"


def data_reference(subscription: Subscription, number: int) -> str:
    """Where the reader gets the event of this number as it may be seen then; relative to the gateway's address."""
    series = "" if subscription.series == 1 else f"?series={subscription.series}"
    return f"/v1/subscriptions/{subscription.root}/events/{number}{series}"


def withheld_event(subscription: Subscription, number: int) -> dict[str, Any]:
    """What stands in place of an event that may not be shown, so that no number is left out."""
    return _numbered_event(subscription, number, WITHHELD)


def available_event(subscription: Subscription, number: int) -> dict[str, Any]:
    """That there is an event, and nothing of what it says."""
    return {
        **_numbered_event(subscription, number, AVAILABLE),
        "dataref": data_reference(subscription, number),
    }


def forgotten_event(subscription: Subscription, first: int, through: int) -> dict[str, Any]:
    """What stands in place of events that are kept no more, from `first` to `through`, which is its number."""
    return {**_numbered_event(subscription, through, FORGOTTEN), "first": first}


def canary_event(subscription: UUID, id: str, now: datetime) -> dict[str, Any]:
    """An event that says nothing of anybody."""
    return {
        "specversion": "1.0",
        "id": f"{subscription}-canary-{id}",
        "source": SOURCE,
        "type": CANARY,
        "time": instant.to_text(now),
    }


def _numbered_event(subscription: Subscription, number: int, type: str) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": delivery_name(subscription, number),
        "source": SOURCE,
        "type": type,
        "number": number,
    }
    return event if subscription.series == 1 else {**event, "series": subscription.series}
