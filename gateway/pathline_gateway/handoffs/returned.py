"""Which hand-off another one sends back to where it came from, before anybody met the person (ping-pong). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pathline_gateway.handoffs.deadlines import HandoffStatus


class _Offer(NamedTuple):
    at: datetime
    handoff: str
    first_contact: datetime | None


def find_returned(statuses: Iterable[HandoffStatus]) -> Mapping[str, str]:
    """By each hand-off of a pathway that sends one back, which one that is: the latest without contact until then.

    Costs no more than to sort them, however many go to and fro between the same two organisations.
    """
    by_sides: defaultdict[tuple[str, str | None], list[_Offer]] = defaultdict(list)
    for status in statuses:
        life = status.lifecycle
        if status.offered_at is not None:
            by_sides[life.sender, life.receiver].append(_Offer(status.offered_at, life.handoff, status.first_contact))
    returned: dict[str, str] = {}
    for (sender, receiver), offers in by_sides.items():
        if receiver is not None and (receiver, sender) in by_sides:
            returned.update(_find_between(offers, by_sides[receiver, sender]))
    return returned


def _find_between(back: Sequence[_Offer], there: Sequence[_Offer]) -> Iterator[tuple[str, str]]:
    """Those of one direction, each with the latest of the other that it sends back, where there is one."""
    coming, waiting = sorted(there, key=_place, reverse=True), list[_Offer]()
    for offer in sorted(back, key=_place):
        while coming and coming[-1].at <= offer.at:
            waiting.append(coming.pop())
        found = _latest_waiting(waiting, offer)
        if found is not None:
            yield offer.handoff, found.handoff


def _latest_waiting(waiting: list[_Offer], offer: _Offer) -> _Offer | None:
    """Somebody met her after the last one: then that is so for every later offer, too, and it is dropped for good."""
    itself: list[_Offer] = []
    while waiting:
        last = waiting[-1]
        if last.handoff == offer.handoff:  # an organisation may hand on to itself
            itself.append(waiting.pop())
        elif last.first_contact is not None and last.first_contact <= offer.at:
            waiting.pop()
        else:
            break
    found = waiting[-1] if waiting else None
    waiting += itself
    return found


def _place(offer: _Offer) -> tuple[datetime, str]:
    return offer.at, offer.handoff
