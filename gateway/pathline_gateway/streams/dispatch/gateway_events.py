"""The CloudEvents that the gateway itself tells a subscriber, in place of an event or beside events.

Their schemas are in `pathline.vocabulary.notices`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from pathline import instant
from pathline_gateway.streams.subscriptions.repository import Subscription

SOURCE: Final = "urn:pathline:gateway"
WITHHELD: Final = "org.pathline.event.withheld.v1"
AVAILABLE: Final = "org.pathline.event.available.v1"
FORGOTTEN: Final = "org.pathline.events.forgotten.v1"
REVISED: Final = "org.pathline.event.revised.v1"
CANARY: Final = "org.pathline.canary.v1"


class NamedDelivery(Protocol):
    """An event by the names that its reader was told."""

    @property
    def number(self) -> int: ...
    @property
    def pathway(self) -> str | None: ...
    @property
    def source(self) -> str: ...
    @property
    def id(self) -> str: ...


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


def revised_event(subscription: Subscription, shown: NamedDelivery, because: str, version: str) -> dict[str, Any]:
    """That an event says something else now, or may be shown no more; by the names that its reader knows.

    It has no running number, as nothing was given. `version` tells one change of an event from the next.
    """
    event = {
        "specversion": "1.0",
        "id": f"{delivery_name(subscription, shown.number)}-revised-{version}",
        "source": SOURCE,
        "type": REVISED,
        "regarding": shown.number,
        "eventsource": shown.source,
        "eventid": shown.id,
        "because": because,
        "dataref": data_reference(subscription, shown.number),
    }
    series = {} if subscription.series == 1 else {"series": subscription.series}
    return {**event, **series, **({} if shown.pathway is None else {"pathway": shown.pathway})}


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
