"""A hand-off with what it is due by, a few days after its offer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.handoffs.histories import BEGIN, FROM, OTHER, TO, event
from pathline import instant
from pathline_gateway.handoffs.deadlines import Contact, HandoffStatus, compute_status
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import compute_lifecycle

REGISTERED = {FROM, TO, OTHER}
LATER = datetime(2030, 1, 1, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


def due(**stages: int) -> dict[str, Any]:
    return {"due": {stage: instant.to_text(at(minutes)) for stage, minutes in stages.items()}}


def with_data(event: HandoffEvent, **said: Any) -> HandoffEvent:
    return event._replace(data=said)


def status_of(*events: HandoffEvent, contacts: tuple[Contact, ...] = (), now: datetime = LATER) -> HandoffStatus:
    return compute_status(compute_lifecycle(f"{FROM}:h", events), contacts, REGISTERED, now)


OFFERED = with_data(event("offered", FROM, 0, id="o", to=TO), **due(accept=60, contact=120))
