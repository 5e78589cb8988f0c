"""What filters are asked about an event: all that it says, or what another organisation may be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pathline_gateway.streams.subscriptions.filters import ATTRIBUTES, FilterAttributes
from pathline_gateway.streams.subscriptions.repository import Subscription

_PLACES: Final = ("source", "service", "channel", "activity")


def as_sent(row: Mapping[str, Any]) -> FilterAttributes:
    """For its publisher, and for those who see everything."""
    return {name: row[name] for name in ATTRIBUTES}


def to_others(row: Mapping[str, Any]) -> FilterAttributes:
    """For everybody else: the subject is its publisher's own, and where it took place may be hidden."""
    hidden = dict.fromkeys(_PLACES) if row["maybe_hidden"] else {}
    return {**as_sent(row), "subject": None, **hidden}


def is_told_as_sent(subscription: Subscription, org: str) -> bool:
    """Whether a subscription is told the events of this organisation as they were sent."""
    return subscription.operator or subscription.org == org
