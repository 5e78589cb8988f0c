"""Who redeemed a token: the subject that the token was made for, and the one that showed it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import lifecycle

Subject = tuple[str, str]
"""Organisation and subject."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A token that was live was shown.

    `late`: another subject had shown it before, or who shows it has made it itself; so this one waits in review.
    """

    source: str
    id: str
    offered: Subject
    shown: Subject
    at: datetime
    late: bool


def redemptions(handoff: str, events: Iterable[HandoffEvent]) -> list[Redemption]:
    """Every redemption, each pair of subjects once; of two subjects with one token the first in pathway order binds."""
    first: dict[bytes, Subject] = {}
    found: dict[tuple[bytes, Subject], Redemption] = {}
    shown_in_order = sorted(lifecycle(handoff, events).redeemed, key=lambda each: each.event.order)
    for each in shown_in_order:
        event, offer = each.event, each.offer
        assert event.token is not None
        shown = event.org, event.subject
        late = each.of_ones_own or first.setdefault(event.token, shown) != shown
        offered = offer.org, offer.subject
        if shown != offered:
            found.setdefault((event.token, shown), Redemption(event.source, event.id, offered, shown, event.time, late))
    return list(found.values())
