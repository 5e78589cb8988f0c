"""The deadlines of a hand-off: what is due, answered, silent or late. Pure.

Rules: vocabulary, hand-offs. The deadlines are those in force now; seconds come from `time`, never from receipt. A
redirect answers the stage `accept` of the receiver that it takes the hand-off from. Where it brings a deadline of its
own, the new receiver has to answer by that.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import orjson

from pathline import instant
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import OPEN_STATES, Lifecycle
from pathline_gateway.pathways.step import Step

Stage = Literal["accept", "contact"]
"""What a receiver is waited for: an answer, and then to be in touch with the person."""

STAGES: Final[Sequence[Stage]] = ("accept", "contact")
_ANSWER_VERBS: Final = frozenset(("accepted", "declined", "redirected", "completed", "failed", "cancelled", "expired"))
CONTACT_TYPES: Final = frozenset(
    f"org.pathline.{name}.v1"
    for name in ("contact.made", "appointment.attended", "assessment.made", "service.started", "service.delivered")
)
"""Types of step by which somebody met the person."""


class Contact(NamedTuple):
    """A step by which an organisation may have met the person."""

    org: str
    time: datetime
    handoff: str | None


class Redirect(NamedTuple):
    """Another receiver was asked."""

    receiver: str | None
    at: datetime


class HandoffStatus(NamedTuple):
    """A hand-off as it stands now."""

    lifecycle: Lifecycle
    due: Mapping[Stage, datetime]
    answered_at: Mapping[Stage, datetime]
    """When each stage was answered, where it was."""
    accepted_at: datetime | None
    first_contact: datetime | None
    ended_at: datetime | None
    is_observable: bool
    """Whether the receiver is on the register: nobody else can be said to be silent."""
    silent_stages: Sequence[Stage]
    late_stages: Sequence[Stage]

    @property
    def offered_at(self) -> datetime | None:
        """When the hand-off was offered."""
        return None if self.lifecycle.offer is None else self.lifecycle.offer.time

    @property
    def redirects(self) -> list[Redirect]:
        """Whom it was handed on to, in order."""
        return [Redirect(e.receiver, e.time) for e in self.lifecycle.transitions if e.verb == "redirected"]

    def last_value(self, name: str) -> object:
        """What the latest legal event that says something under this name says."""
        for event in reversed(self.lifecycle.transitions):
            if (value := event.data.get(name)) is not None:
                return value
        return None


def is_contact_type(type: str) -> bool:
    """Whether interactions of this type are contacts."""
    return type in CONTACT_TYPES


def contact_from_step(step: Step) -> Contact | None:
    """The step as a contact; None when it is none."""
    if step.type not in CONTACT_TYPES:
        return None
    return Contact(step.org, step.time, orjson.loads(step.data).get("handoff"))


def compute_status(
    life: Lifecycle,
    contacts: Iterable[Contact],
    registered: Container[str],
    now: datetime,
    grace: timedelta = timedelta(),
) -> HandoffStatus:
    """The status at this instant; `contacts` are those of the pathway that the offer stands on."""
    due = _due_instants(life.transitions)
    accepted_at = next((e.time for e in life.transitions if e.verb == "accepted"), None)
    first_contact = _first_contact(life, contacts, accepted_at)
    ended_at = life.transitions[-1].time if life.transitions and life.state not in OPEN_STATES else None
    answered_at = _answer_instants(life.transitions, first_contact, ended_at)
    observable = life.receiver in registered
    return HandoffStatus(
        life,
        due,
        answered_at,
        accepted_at,
        first_contact,
        ended_at,
        observable,
        [s for s in STAGES if observable and s in due and s not in answered_at and now > instant.add(due[s], grace)],
        [s for s in STAGES if observable and s in due and s in answered_at and answered_at[s] > due[s]],
    )


def _due_instants(transitions: Iterable[HandoffEvent]) -> dict[Stage, datetime]:
    """The deadlines in force after these events: each replaces those that it names."""
    due: dict[Stage, datetime] = {}
    for event in transitions:
        if due_by_stage := event.data.get("due"):
            due |= {stage: instant.parse(due_by_stage[stage]) for stage in STAGES if due_by_stage.get(stage)}
    return due


def _answer_instants(
    transitions: Sequence[HandoffEvent], first_contact: datetime | None, ended_at: datetime | None
) -> dict[Stage, datetime]:
    answered_at: dict[Stage, datetime] = {}
    for event in transitions[1:]:
        if _renews_offer(event):
            answered_at.pop("accept", None)
        elif event.verb in _ANSWER_VERBS:
            answered_at.setdefault("accept", event.time)
    if (contact_at := min(filter(None, (first_contact, ended_at)), default=None)) is not None:
        answered_at["contact"] = contact_at
    return answered_at


def _renews_offer(event: HandoffEvent) -> bool:
    return event.verb == "redirected" and bool((event.data.get("due") or {}).get("accept"))


def _first_contact(life: Lifecycle, contacts: Iterable[Contact], accepted_at: datetime | None) -> datetime | None:
    """The earliest by the receiver at or after the offer that is about this hand-off, or about none once accepted."""
    if life.offer is None:
        return None
    offered_at, times = life.offer.time, []
    for each in contacts:
        if each.org != life.receiver or each.time < offered_at:
            continue
        if each.handoff == life.handoff or (
            each.handoff is None and accepted_at is not None and each.time >= accepted_at
        ):
            times.append(each.time)
    return min(times, default=None)
