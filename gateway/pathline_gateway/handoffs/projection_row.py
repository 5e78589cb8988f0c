"""A row of the table of hand-offs: deadlines, answers, and when each became known. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus, Stage, compute_status
from pathline_gateway.handoffs.deadlines import contact_from_step as contact_of
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.pathways.step import Step

_SERVICE_TYPES: Final = frozenset(
    f"org.pathline.{name}.v1"
    for name in ("appointment.attended", "assessment.made", "service.started", "service.delivered")
)
"""Contacts that are a service: the person got something, and was not only spoken with."""
_CONCEAL: Final = "conceal"
_NO_ORGS: Final[frozenset[str]] = frozenset()


class ReceivedEvent(NamedTuple):
    """What the store knows of an event besides what it says."""

    received_at: datetime
    ref: int
    trace_id: bytes | None
    span_id: bytes | None


class HandoffRow(NamedTuple):
    """A row of `handoff`: see the migration that makes it."""

    handoff: str
    sender: str
    receiver: str | None
    service: str | None
    is_concealed: bool
    state: str | None
    offered_at: datetime | None
    accepted_at: datetime | None
    first_contact_at: datetime | None
    first_service_at: datetime | None
    receiver_first_active_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    outcome: str | None
    accept_due_at: datetime | None
    contact_due_at: datetime | None
    accept_answered_at: datetime | None
    contact_answered_at: datetime | None
    accept_due_known_at: datetime | None
    contact_due_known_at: datetime | None
    redirect_count: int
    anomaly_count: int
    offer_ref: int | None
    offer_trace_id: bytes | None
    offer_span_id: bytes | None
    end_trace_id: bytes | None
    end_span_id: bytes | None


def build_row(
    life: Lifecycle, steps: Sequence[Step], received_event: Callable[[HandoffEvent], ReceivedEvent]
) -> HandoffRow:
    """The hand-off as it stands; `steps` are those of its receiver on the pathway of the offer."""
    contacts = [parsed_contact for step in steps if (parsed_contact := contact_of(step)) is not None]
    services = [
        parsed_contact
        for step in steps
        if step.type in _SERVICE_TYPES and (parsed_contact := contact_of(step)) is not None
    ]
    # Neither the clock nor the register matters for what is kept.
    status = compute_status(life, contacts, _NO_ORGS, instant.EARLIEST)
    # Most receivers have met nobody yet: then it is the same question.
    first_service = status.first_contact
    if len(services) < len(contacts):
        first_service = compute_status(life, services, _NO_ORGS, instant.EARLIEST).first_contact
    offer_event = None if life.offer is None else received_event(life.offer)
    end_event = received_event(life.transitions[-1]) if status.ended_at is not None else None
    due_known_at = _due_known_at(life.transitions, received_event)
    outcome = status.last_value("outcome")
    return HandoffRow(
        life.handoff,
        life.sender,
        life.receiver,
        _service_of(status),
        any(e.data.get("safety") == _CONCEAL and e.org in life.sides for e in (*life.transitions, *life.anomalies)),
        life.state,
        status.offered_at,
        status.accepted_at,
        status.first_contact,
        first_service,
        _first_activity(life, steps),
        status.ended_at,
        life.transitions[-1].verb if status.ended_at is not None else None,
        outcome if isinstance(outcome, str) else None,
        status.due.get("accept"),
        status.due.get("contact"),
        status.answered_at.get("accept"),
        status.answered_at.get("contact"),
        due_known_at.get("accept"),
        due_known_at.get("contact"),
        len(status.redirects),
        len(life.anomalies),
        None if offer_event is None else offer_event.ref,
        None if offer_event is None else offer_event.trace_id,
        None if offer_event is None else offer_event.span_id,
        None if end_event is None else end_event.trace_id,
        None if end_event is None else end_event.span_id,
    )


def _service_of(status: HandoffStatus) -> str | None:
    receiver = status.last_value("to")
    service = receiver.get("service") if isinstance(receiver, dict) else None
    return service if isinstance(service, str) else None


def _due_known_at(
    transitions: Iterable[HandoffEvent], received_event: Callable[[HandoffEvent], ReceivedEvent]
) -> Mapping[Stage, datetime]:
    """When the instants in force now became known: with the events that name them."""
    known_at: dict[Stage, datetime] = {}
    for event in transitions:
        due_by_stage = event.data.get("due") or {}
        known_at |= {stage: received_event(event).received_at for stage in STAGES if due_by_stage.get(stage)}
    return known_at


def _first_activity(life: Lifecycle, steps: Iterable[Step]) -> datetime | None:
    """The first sign of the receiver after the offer: about this hand-off, or of any kind on its pathway."""
    if life.offer is None:
        return None
    offered_at = life.offer.time
    times = [e.time for e in (*life.transitions, *life.anomalies) if e.org == life.receiver and e is not life.offer]
    times += [step.time for step in steps if step.org == life.receiver]
    return min((time for time in times if time >= offered_at), default=None)
