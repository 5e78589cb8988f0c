"""The body by which a hand-off is served, from its status. Pure.

`visibility/handoff_rendering.py` makes of it what one reader may see.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus


def render_handoff(status: HandoffStatus, others: Iterable[HandoffStatus] = ()) -> dict[str, Any]:
    """A hand-off as it is served: instants, never durations. `others` are those of the same pathway."""
    life, last_value = status.lifecycle, status.last_value
    receiver = last_value("to")
    return {
        "handoff": life.handoff,
        "from": life.sender,
        "to": receiver if isinstance(receiver, dict) else None,
        "state": life.state,
        "need": last_value("need"),
        "priority": last_value("priority"),
        "reason": life.transitions[-1].data.get("reason") if life.transitions else None,
        "outcome": last_value("outcome"),
        "context_released": life.is_context_released,
        "offered": _render_instant(status.offered_at),
        "due": {stage: _render_instant(status.due.get(stage)) for stage in STAGES},
        "accepted": _render_instant(status.accepted_at),
        "first_contact": _render_instant(status.first_contact),
        "ended": _render_instant(status.ended_at),
        "ended_by": life.transitions[-1].verb if status.ended_at is not None else None,
        "observable": status.is_observable,
        "silent": list(status.silent_stages),
        "late": list(status.late_stages),
        "redirected": [{"to": each.receiver, "at": _render_instant(each.at)} for each in status.redirects],
        "returns": _find_returned_handoff(status, others),
        "anomalies": [
            {"source": e.source, "id": e.id, "verb": e.verb, "time": _render_instant(e.time)} for e in life.anomalies
        ],
    }


def _find_returned_handoff(status: HandoffStatus, others: Iterable[HandoffStatus]) -> str | None:
    """The hand-off that this one sends back to where it came from before anybody met the person (ping-pong)."""
    offered_at, life = status.offered_at, status.lifecycle
    sender = life.sender
    # Whom the other asked is looked at first: every hand-off is held against every other, and few come back.
    candidates = [
        other
        for other in others
        if other.lifecycle.receiver == sender
        and other.lifecycle.sender == life.receiver
        and offered_at is not None
        and other.offered_at is not None
        and other.offered_at <= offered_at
        and other.lifecycle.handoff != life.handoff
        and (other.first_contact is None or other.first_contact > offered_at)
    ]
    return (
        max(candidates, key=lambda other: (other.offered_at, other.lifecycle.handoff)).lifecycle.handoff
        if candidates
        else None
    )


def _render_instant(at: datetime | None) -> str | None:
    return None if at is None else instant.to_text(at)
