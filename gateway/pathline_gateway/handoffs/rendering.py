"""The body by which a hand-off is served, from its status. Pure.

`visibility/handoff_rendering.py` makes of it what one reader may see.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pathline import instant
from pathline_gateway.handoffs.deadlines import STAGES, HandoffStatus


def render_handoff(status: HandoffStatus, returns: str | None = None) -> dict[str, Any]:
    """A hand-off as it is served: instants, never durations. `returns`: which one it sends back."""
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
        "returns": returns,
        "anomalies": [
            {"source": e.source, "id": e.id, "verb": e.verb, "time": _render_instant(e.time)} for e in life.anomalies
        ],
    }


def _render_instant(at: datetime | None) -> str | None:
    return None if at is None else instant.to_text(at)
