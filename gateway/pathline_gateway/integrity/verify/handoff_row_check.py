"""Hand-offs as they are kept, against those that a pull computes from the steps of a pathway. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.open_stages import OpenStages
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.pathways.step import Step

_SERVICES = ("appointment.attended", "assessment.made", "service.started", "service.delivered")


def row_agrees(row: HandoffRow, status: HandoffStatus, steps: Sequence[Step]) -> bool:
    """Whether a row says what this status says; `steps` are those of the pathway that the offer stands on."""
    life = status.lifecycle
    facts = (row.sender, row.receiver, row.state, row.redirect_count, row.anomaly_count)
    if facts != (life.sender, life.receiver, life.state, len(status.redirects), len(life.anomalies)):
        return False
    ended_by = life.transitions[-1].verb if status.ended_at is not None else None
    if (row.ended_by, row.outcome) != (ended_by, status.last_value("outcome")):
        return False
    stored_instants = (row.offered_at, row.accepted_at, row.first_contact_at, row.ended_at)
    if stored_instants != (status.offered_at, status.accepted_at, status.first_contact, status.ended_at):
        return False
    due = {"accept": row.accept_due_at, "contact": row.contact_due_at}
    answered = {"accept": row.accept_answered_at, "contact": row.contact_answered_at}
    if _present(due) != status.due or _present(answered) != status.answered_at:
        return False
    return (row.receiver_first_active_at, row.first_service_at) == (
        _first_activity(status, steps),
        _first_service(status, steps),
    )


def side_agrees(side: OpenStages, status: HandoffStatus | None) -> bool:
    """Whether a side waits for what it may know of. Contacts are left out: its own fold has none."""
    if status is None or status.offered_at is None:
        return (side.receiver, side.accept_due_at, side.contact_due_at) == (None, None, None)
    if (side.sender, side.receiver) != (status.lifecycle.sender, status.lifecycle.receiver):
        return False
    due = {"accept": side.accept_due_at, "contact": side.contact_due_at}
    return _present(due) == status.due and side.accept_answered_at == status.answered_at.get("accept")


def _present(instants: dict[str, datetime | None]) -> dict[str, datetime]:
    return {stage: at for stage, at in instants.items() if at is not None}


def _first_activity(status: HandoffStatus, steps: Sequence[Step]) -> datetime | None:
    offered_at, receiver = status.offered_at, status.lifecycle.receiver
    if offered_at is None:
        return None
    handoff_times = [
        e.time
        for e in (*status.lifecycle.transitions, *status.lifecycle.anomalies)
        if e.org == receiver and e.verb != "offered"
    ]
    return _first(offered_at, (*handoff_times, *(step.time for step in steps if step.org == receiver)))


def _first_service(status: HandoffStatus, steps: Iterable[Step]) -> datetime | None:
    """The receiver's first service about this hand-off, or about none once it was accepted."""
    if status.offered_at is None:
        return None
    services = (s for s in steps if s.org == status.lifecycle.receiver and s.type.split(".", 2)[2][:-3] in _SERVICES)
    return _first(status.offered_at, (s.time for s in services if _is_about(s, status)))


def _is_about(step: Step, status: HandoffStatus) -> bool:
    handoff_id = orjson.loads(step.data).get("handoff")
    if handoff_id is not None:
        return bool(handoff_id == status.lifecycle.handoff)
    return status.accepted_at is not None and step.time >= status.accepted_at


def _first(since: datetime, times: Iterable[datetime]) -> datetime | None:
    return min((time for time in times if time >= since), default=None)
