"""In which order offers are listed: the one that the person chose, and no other. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

from pathline import instant
from pathline_gateway.offers.durations import add_duration

OfferOrder = Literal["soonest", "fewest-questions", "channel"]
"""`soonest` unless she chose another."""


class OrderedOffer(NamedTuple):
    """What an offer's place depends on."""

    org: str
    offer: str
    processing_time: str | None = None
    channels: Sequence[str] = ()
    smallest: int | None = None
    """How many questions its smallest listed set has."""
    has_room: bool = True


def offer_sort_key(
    offer: OrderedOffer, order: OfferOrder, now: datetime, zone: tzinfo, channel: str | None = None
) -> tuple[bool, bool, datetime | int, str, str]:
    """Its place: without room last, then by the order, then by organisation and offer.

    `channel` is the chosen one, of the order of that name.
    """
    is_last, place = _place(offer, order, now, zone, channel)
    return not offer.has_room, is_last, place, offer.org, offer.offer


def _place(
    offer: OrderedOffer, order: OfferOrder, now: datetime, zone: tzinfo, channel: str | None
) -> tuple[bool, datetime | int]:
    match order:
        case "soonest":
            duration = offer.processing_time
            return duration is None, instant.LATEST if duration is None else add_duration(now, duration, zone)
        case "fewest-questions":
            return offer.smallest is None, offer.smallest or 0
        case "channel":
            return channel not in offer.channels, 0
