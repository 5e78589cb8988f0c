"""Which steps of each other two organisations see because of a hand-off between them. Pure.

Either side sees the steps of the hand-off itself. The receiver sees what led to it as well, where the offering side
released that. These are the offering organisation's own steps under the offering ref, up to the offer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import Lifecycle, compute_lifecycles
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.step import Step

_CLOSED_STATES: Final = frozenset(("rejected", "cancelled"))
"""States after which a receiver has nothing more to do with what led to the hand-off."""


@dataclass(frozen=True, slots=True)
class SharedHandoffs:
    """What hand-offs show to one organisation."""

    handoffs: frozenset[str]
    offers: tuple[HandoffEvent, ...]
    """Of the hand-offs whose context was released to it."""
    receivers: frozenset[str] = frozenset()
    """The organisations that these hand-offs ask now."""

    def is_shown(self, parsed: ParsedStep) -> bool:
        """Whether it is shown this step."""
        if parsed.noun == "handoff" and parsed.data.get("handoff") in self.handoffs:
            return True
        return any(_precedes_offer(parsed.step, offer) for offer in self.offers)


NOTHING_SHARED: Final = SharedHandoffs(frozenset(), ())


def compute_shared(org: str, steps: Iterable[ParsedStep]) -> SharedHandoffs:
    """What hand-offs show to this organisation, told from the steps that are not concealed from it."""
    lifecycles = compute_lifecycles(parsed.step for parsed in steps).values()
    own_lifecycles = [life for life in lifecycles if life.offer and (life.sender == org or _is_receiver(life, org))]
    released_offers = [life.offer for life in own_lifecycles if life.offer and _sees_context(life, org)]
    receivers = frozenset(life.receiver for life in own_lifecycles if life.receiver is not None)
    return SharedHandoffs(frozenset(life.handoff for life in own_lifecycles), tuple(released_offers), receivers)


def _is_receiver(life: Lifecycle, org: str) -> bool:
    """Whether the organisation is asked now, or has shown the token."""
    return life.receiver == org or any(each.event.org == org for each in life.redemptions if not each.is_self_issued)


def _sees_context(life: Lifecycle, org: str) -> bool:
    # Who passes a hand-off on passes on the hand-off alone: what led to it is for its own organisation to release.
    released = life.is_context_released and life.last_sender == life.sender
    return life.receiver == org and life.state not in _CLOSED_STATES and released


def _precedes_offer(step: Step, offer: HandoffEvent) -> bool:
    return (step.org, step.subject) == (offer.org, offer.subject) and step.sort_key <= offer.sort_key
