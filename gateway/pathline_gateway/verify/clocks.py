"""Hand-offs as they are kept, against those that a pull folds from the steps of a pathway and its clocks. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pathline_gateway.assemble.step import Step
from pathline_gateway.handoff.clocks import Clocks
from pathline_gateway.handoff.record import HandoffRecord

_SERVICES = ("appointment.attended", "assessment.made", "service.started", "service.delivered")


def agrees(kept: HandoffRecord, pulled: Clocks, steps: Sequence[Step]) -> bool:
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
    return kept.heard == _heard(pulled, steps) and (kept.first_service is None or _served(kept, steps))


def _there(instants: dict[str, datetime | None]) -> dict[str, datetime]:
    return {stage: at for stage, at in instants.items() if at is not None}


def _heard(pulled: Clocks, steps: Sequence[Step]) -> datetime | None:
    offered, receiver = pulled.offered, pulled.life.to
    if offered is None:
        return None
    about = [e.time for e in (*pulled.life.legal, *pulled.life.anomalies) if e.org == receiver and e.verb != "offered"]
    return _first(offered, (*about, *(step.time for step in steps if step.org == receiver)))


def _served(kept: HandoffRecord, steps: Iterable[Step]) -> bool:
    """Whether somebody did get a service then."""
    return any(
        step.org == kept.receiver and step.time == kept.first_service and step.type.split(".", 2)[2][:-3] in _SERVICES
        for step in steps
    )


def _first(since: datetime, times: Iterable[datetime]) -> datetime | None:
    return min((time for time in times if time >= since), default=None)
