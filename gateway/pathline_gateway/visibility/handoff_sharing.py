"""What two organisations see of each other because one handed a person to the other. Pure.

Either side sees the steps of the hand-off itself. The receiver sees what led to it as well, where the offering side
released that: the offering organisation's own steps under the offering ref, up to the offer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pathline_gateway.handoffs.event import HandoffEvent, handoff_event
from pathline_gateway.handoffs.lifecycle import Lifecycle, lifecycle
from pathline_gateway.pathways.parsed_step import ParsedStep
from pathline_gateway.pathways.step import Step

_TAKEN_BACK: Final = frozenset(("rejected", "cancelled"))
"""States after which a receiver has nothing more to do with what led to the hand-off."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What hand-offs show to one organisation."""

    handoffs: frozenset[str]
    offers: tuple[HandoffEvent, ...]
    """Of the hand-offs whose context was released to it."""
    receivers: frozenset[str] = frozenset()
    """The organisations that these hand-offs ask now."""

    def shows(self, told: ParsedStep) -> bool:
        """Whether it is shown this step."""
        if told.noun == "handoff" and told.said.get("handoff") in self.handoffs:
            return True
        return any(_led_to(told.step, offer) for offer in self.offers)


NOTHING_SHARED: Final = Shared(frozenset(), ())


def shared(org: str, steps: Iterable[ParsedStep]) -> Shared:
    """What hand-offs show to this organisation, told from the steps that are not concealed from it."""
    events: defaultdict[str, list[HandoffEvent]] = defaultdict(list)
    for told in steps:
        event = handoff_event(told.step)
        if event is not None and event.handoff:
            events[event.handoff].append(event)
    folded = [lifecycle(handoff, found) for handoff, found in events.items()]
    theirs = [life for life in folded if life.offer and (life.by == org or _receives(life, org))]
    released = [life.offer for life in theirs if life.offer and _sees_context(life, org)]
    receivers = frozenset(life.to for life in theirs if life.to is not None)
    return Shared(frozenset(life.handoff for life in theirs), tuple(released), receivers)


def _receives(life: Lifecycle, org: str) -> bool:
    """Whether the organisation is asked now, or has shown the token."""
    return life.to == org or any(each.event.org == org for each in life.redeemed if not each.of_ones_own)


def _sees_context(life: Lifecycle, org: str) -> bool:
    # Who passes a hand-off on passes on the hand-off alone: what led to it is for its own organisation to release.
    released = life.context_released and life.asked_by == life.by
    return life.to == org and life.state not in _TAKEN_BACK and released


def _led_to(step: Step, offer: HandoffEvent) -> bool:
    return (step.org, step.subject) == (offer.org, offer.subject) and step.order <= offer.order
