"""A row of the table of hand-offs: deadlines, answers, and when each became known. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus, Stage, status_of
from pathline_gateway.handoffs.deadlines import contact as contact_of
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import Lifecycle
from pathline_gateway.pathways.step import Step

_SERVICES: Final = frozenset(
    f"org.pathline.{name}.v1"
    for name in ("appointment.attended", "assessment.made", "service.started", "service.delivered")
)
"""Contacts that are a service: the person got something, and was not only spoken with."""
_CONCEAL: Final = "conceal"
_NOBODY: Final[frozenset[str]] = frozenset()


class ReceivedEvent(NamedTuple):
    """What the store knows of an event besides what it says."""

    at: datetime
    ref: int
    trace_id: bytes | None
    span_id: bytes | None


class HandoffRow(NamedTuple):
    """A row of `handoff`: see the migration that makes it."""

    handoff: str
    sender: str
    receiver: str | None
    service: str | None
    concealed: bool
    state: str | None
    offered: datetime | None
    accepted: datetime | None
    first_contact: datetime | None
    first_service: datetime | None
    heard: datetime | None
    ended: datetime | None
    ended_by: str | None
    outcome: str | None
    due_accept: datetime | None
    due_contact: datetime | None
    answered_accept: datetime | None
    answered_contact: datetime | None
    known_accept: datetime | None
    known_contact: datetime | None
    redirects: int
    anomalies: int
    ref: int | None
    trace_id: bytes | None
    span_id: bytes | None
    end_trace_id: bytes | None
    end_span_id: bytes | None


def row_of(life: Lifecycle, steps: Sequence[Step], received: Callable[[HandoffEvent], ReceivedEvent]) -> HandoffRow:
    """The hand-off as it stands; `steps` are those of its receiver on the pathway of the offer."""
    contacts = [met for step in steps if (met := contact_of(step)) is not None]
    services = [met for step in steps if step.type in _SERVICES and (met := contact_of(step)) is not None]
    # Neither the clock nor the register matters for what is kept.
    clocked = status_of(life, contacts, _NOBODY, instant.EARLIEST)
    # Most receivers have met nobody yet: then it is the same question.
    served = clocked.first_contact
    if len(services) < len(contacts):
        served = status_of(life, services, _NOBODY, instant.EARLIEST).first_contact
    offer = None if life.offer is None else received(life.offer)
    end = received(life.legal[-1]) if clocked.ended is not None else None
    known = _known(life.legal, received)
    outcome = clocked.last("outcome")
    return HandoffRow(
        life.handoff,
        life.by,
        life.to,
        _service(clocked),
        any(e.said.get("safety") == _CONCEAL and e.org in life.sides for e in (*life.legal, *life.anomalies)),
        life.state,
        clocked.offered,
        clocked.accepted,
        clocked.first_contact,
        served,
        _heard(life, steps),
        clocked.ended,
        life.legal[-1].verb if clocked.ended is not None else None,
        outcome if isinstance(outcome, str) else None,
        clocked.due.get("accept"),
        clocked.due.get("contact"),
        clocked.answered.get("accept"),
        clocked.answered.get("contact"),
        known.get("accept"),
        known.get("contact"),
        len(clocked.redirects),
        len(life.anomalies),
        None if offer is None else offer.ref,
        None if offer is None else offer.trace_id,
        None if offer is None else offer.span_id,
        None if end is None else end.trace_id,
        None if end is None else end.span_id,
    )


def _service(clocked: HandoffStatus) -> str | None:
    to = clocked.last("to")
    service = to.get("service") if isinstance(to, dict) else None
    return service if isinstance(service, str) else None


def _known(
    legal: Iterable[HandoffEvent], received: Callable[[HandoffEvent], ReceivedEvent]
) -> Mapping[Stage, datetime]:
    """When the instants in force now became known: with the events that name them."""
    known: dict[Stage, datetime] = {}
    for event in legal:
        said = event.said.get("due") or {}
        known |= {stage: received(event).at for stage in STAGES if said.get(stage)}
    return known


def _heard(life: Lifecycle, steps: Iterable[Step]) -> datetime | None:
    """The first sign of the receiver after the offer: about this hand-off, or of any kind on its pathway."""
    if life.offer is None:
        return None
    offered = life.offer.time
    times = [e.time for e in (*life.legal, *life.anomalies) if e.org == life.to and e is not life.offer]
    times += [step.time for step in steps if step.org == life.to]
    return min((time for time in times if time >= offered), default=None)
