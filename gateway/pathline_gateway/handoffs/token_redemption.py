"""Who redeemed a token: the subject that the token was made for, and the one that showed it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle

Subject = tuple[str, str]
"""Organisation and subject."""


@dataclass(frozen=True, slots=True)
class Redemption:
    """A token that was live was shown.

    `needs_review`: another subject had shown it before, or who shows it has made it itself.
    """

    source: str
    id: str
    offer_subject: Subject
    redeeming_subject: Subject
    at: datetime
    needs_review: bool


def find_redemptions(handoff: str, events: Iterable[HandoffEvent]) -> list[Redemption]:
    """Every redemption, each pair of subjects once; of two subjects with one token the first in pathway order binds."""
    first_redeemer: dict[bytes, Subject] = {}
    by_token_and_subject: dict[tuple[bytes, Subject], Redemption] = {}
    ordered = sorted(compute_lifecycle(handoff, events).redemptions, key=lambda each: each.event.sort_key)
    for each in ordered:
        event, offer = each.event, each.offer
        assert event.token is not None
        redeeming_subject = event.org, event.subject
        needs_review = (
            each.is_self_issued or first_redeemer.setdefault(event.token, redeeming_subject) != redeeming_subject
        )
        offer_subject = offer.org, offer.subject
        if redeeming_subject != offer_subject:
            by_token_and_subject.setdefault(
                (event.token, redeeming_subject),
                Redemption(event.source, event.id, offer_subject, redeeming_subject, event.time, needs_review),
            )
    return list(by_token_and_subject.values())
