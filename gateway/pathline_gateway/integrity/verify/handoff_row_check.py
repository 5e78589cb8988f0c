"""Hand-offs as they are kept, against those that a pull folds from the steps of a pathway and its clocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import orjson

from pathline_gateway.handoffs.deadlines import HandoffStatus
from pathline_gateway.handoffs.open_stages import Waiting
from pathline_gateway.handoffs.projection_row import HandoffRow
from pathline_gateway.pathways.step import Step

_SERVICES = ("appointment.attended", "assessment.made", "service.started", "service.delivered")


def agrees(kept: HandoffRow, pulled: HandoffStatus, steps: Sequence[Step]) -> bool:
    """Whether a row says what these clocks say; `steps` are those of the pathway that the offer stands on."""
    life = pulled.life
    said = (kept.sender, kept.receiver, kept.state, kept.redirects, kept.anomalies)
    if said != (life.by, life.to, life.state, len(pulled.redirects), len(life.anomalies)):
        return False
    ended_by = life.legal[-1].verb if pulled.ended is not None else None
    if (kept.ended_by, kept.outcome) != (ended_by, pulled.last("outcome")):
        return False
    instants = (kept.offered, kept.accepted, kept.first_contact, kept.ended)
    if instants != (pulled.offered, pulled.accepted, pulled.first_contact, pulled.ended):
        return False
    due = {"accept": kept.due_accept, "contact": kept.due_contact}
    answered = {"accept": kept.answered_accept, "contact": kept.answered_contact}
    if _there(due) != pulled.due or _there(answered) != pulled.answered:
        return False
    return (kept.heard, kept.first_service) == (_heard(pulled, steps), _served(pulled, steps))


def agrees_with_side(kept: Waiting, told: HandoffStatus | None) -> bool:
    """Whether a side waits for what it may know of; contacts are not among what is folded for it, and left out here."""
    if told is None or told.offered is None:
        return (kept.receiver, kept.due_accept, kept.due_contact) == (None, None, None)
    if (kept.sender, kept.receiver) != (told.life.by, told.life.to):
        return False
    due = {"accept": kept.due_accept, "contact": kept.due_contact}
    return _there(due) == told.due and kept.answered_accept == told.answered.get("accept")


def _there(instants: dict[str, datetime | None]) -> dict[str, datetime]:
    return {stage: at for stage, at in instants.items() if at is not None}


def _heard(pulled: HandoffStatus, steps: Sequence[Step]) -> datetime | None:
    offered, receiver = pulled.offered, pulled.life.to
    if offered is None:
        return None
    about = [e.time for e in (*pulled.life.legal, *pulled.life.anomalies) if e.org == receiver and e.verb != "offered"]
    return _first(offered, (*about, *(step.time for step in steps if step.org == receiver)))


def _served(pulled: HandoffStatus, steps: Iterable[Step]) -> datetime | None:
    """The receiver's first service about this hand-off, or about none once it was accepted."""
    if pulled.offered is None:
        return None
    services = (s for s in steps if s.org == pulled.life.to and s.type.split(".", 2)[2][:-3] in _SERVICES)
    return _first(pulled.offered, (s.time for s in services if _is_about(s, pulled)))


def _is_about(step: Step, pulled: HandoffStatus) -> bool:
    named = orjson.loads(step.data).get("handoff")
    if named is not None:
        return bool(named == pulled.life.handoff)
    return pulled.accepted is not None and step.time >= pulled.accepted


def _first(since: datetime, times: Iterable[datetime]) -> datetime | None:
    return min((time for time in times if time >= since), default=None)
