"""The deadlines of a hand-off: what is due, answered, silent or late. Pure.

Rules: vocabulary, hand-offs. Due instants are those in force now; seconds come from `time`, never from receipt. A
redirect answers the stage `accept` of the receiver that it takes the hand-off from; where it brings a due instant of
its own, the new receiver's answer is waited for by that.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

import orjson

from pathline import instant
from pathline_gateway.handoffs.event import HandoffEvent
from pathline_gateway.handoffs.lifecycle import OPEN, Lifecycle
from pathline_gateway.pathways.step import Step

Stage = Literal["accept", "contact"]
"""What a receiver is waited for: an answer, and then to be in touch with the person."""

STAGES: Final[Sequence[Stage]] = ("accept", "contact")
_ANSWERS: Final = frozenset(("accepted", "declined", "redirected", "completed", "failed", "cancelled", "expired"))
CONTACTS: Final = frozenset(
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

    to: str | None
    at: datetime


class HandoffStatus(NamedTuple):
    """A hand-off as it stands now."""

    life: Lifecycle
    due: Mapping[Stage, datetime]
    answered: Mapping[Stage, datetime]
    """When each stage was answered, where it was."""
    accepted: datetime | None
    first_contact: datetime | None
    ended: datetime | None
    observable: bool
    """Whether the receiver is on the register: nobody else can be said to be silent."""
    silent: Sequence[Stage]
    late: Sequence[Stage]

    @property
    def offered(self) -> datetime | None:
        """When it began."""
        return None if self.life.offer is None else self.life.offer.time

    @property
    def redirects(self) -> list[Redirect]:
        """Whom it was handed on to, in order."""
        return [Redirect(e.to, e.time) for e in self.life.legal if e.verb == "redirected"]

    def last(self, name: str) -> object:
        """What the latest legal event that says something under this name says."""
        for event in reversed(self.life.legal):
            if (said := event.said.get(name)) is not None:
                return said
        return None


def contact_type(type: str) -> bool:
    """Whether interactions of this type are contacts."""
    return type in CONTACTS


def contact(step: Step) -> Contact | None:
    """The step as a contact; None when it is none."""
    if step.type not in CONTACTS:
        return None
    return Contact(step.org, step.time, orjson.loads(step.data).get("handoff"))


def status_of(
    life: Lifecycle,
    contacts: Iterable[Contact],
    registered: Container[str],
    now: datetime,
    grace: timedelta = timedelta(),
) -> HandoffStatus:
    """The clocks at this instant; `contacts` are those of the pathway that the offer stands on."""
    due = _due(life.legal)
    accepted = next((e.time for e in life.legal if e.verb == "accepted"), None)
    first = _first_contact(life, contacts, accepted)
    ended = life.legal[-1].time if life.legal and life.state not in OPEN else None
    answered = _answered(life.legal, first, ended)
    observable = life.to in registered
    return HandoffStatus(
        life,
        due,
        answered,
        accepted,
        first,
        ended,
        observable,
        [s for s in STAGES if observable and s in due and s not in answered and now > instant.after(due[s], grace)],
        [s for s in STAGES if observable and s in due and s in answered and answered[s] > due[s]],
    )


def _due(legal: Iterable[HandoffEvent]) -> dict[Stage, datetime]:
    """The due instants in force after these events: each replaces those that it names."""
    due: dict[Stage, datetime] = {}
    for event in legal:
        if said := event.said.get("due"):
            due |= {stage: instant.parse(said[stage]) for stage in STAGES if said.get(stage)}
    return due


def _answered(legal: Sequence[HandoffEvent], first: datetime | None, ended: datetime | None) -> dict[Stage, datetime]:
    found: dict[Stage, datetime] = {}
    for event in legal[1:]:
        if _asks_anew(event):
            found.pop("accept", None)
        elif event.verb in _ANSWERS:
            found.setdefault("accept", event.time)
    if (met := min(filter(None, (first, ended)), default=None)) is not None:
        found["contact"] = met
    return found


def _asks_anew(event: HandoffEvent) -> bool:
    return event.verb == "redirected" and bool((event.said.get("due") or {}).get("accept"))


def _first_contact(life: Lifecycle, contacts: Iterable[Contact], accepted: datetime | None) -> datetime | None:
    """The earliest by the receiver at or after the offer that is about this hand-off, or about none once accepted."""
    if life.offer is None:
        return None
    offered, found = life.offer.time, []
    for each in contacts:
        if each.org != life.to or each.time < offered:
            continue
        if each.handoff == life.handoff or (each.handoff is None and accepted is not None and each.time >= accepted):
            found.append(each.time)
    return min(found, default=None)


def served(clocked: HandoffStatus, others: Iterable[HandoffStatus] = ()) -> dict[str, Any]:
    """A hand-off as it is served: instants, never durations. `others` are those of the same pathway."""
    life, last = clocked.life, clocked.last
    to = last("to")
    return {
        "handoff": life.handoff,
        "from": life.by,
        "to": to if isinstance(to, dict) else None,
        "state": life.state,
        "need": last("need"),
        "priority": last("priority"),
        "reason": life.legal[-1].said.get("reason") if life.legal else None,
        "outcome": last("outcome"),
        "context_released": life.context_released,
        "offered": _served(clocked.offered),
        "due": {stage: _served(clocked.due.get(stage)) for stage in STAGES},
        "accepted": _served(clocked.accepted),
        "first_contact": _served(clocked.first_contact),
        "ended": _served(clocked.ended),
        "ended_by": life.legal[-1].verb if clocked.ended is not None else None,
        "observable": clocked.observable,
        "silent": list(clocked.silent),
        "late": list(clocked.late),
        "redirected": [{"to": each.to, "at": _served(each.at)} for each in clocked.redirects],
        "returns": _returned(clocked, others),
        "anomalies": [
            {"source": e.source, "id": e.id, "verb": e.verb, "time": _served(e.time)} for e in life.anomalies
        ],
    }


def _returned(clocked: HandoffStatus, others: Iterable[HandoffStatus]) -> str | None:
    """The hand-off that this one sends back to where it came from before anybody met the person (ping-pong)."""
    at, life = clocked.offered, clocked.life
    by = life.by
    # Whom the other asked is looked at first: every hand-off is held against every other, and few come back.
    back = [
        other
        for other in others
        if other.life.to == by
        and other.life.by == life.to
        and at is not None
        and other.offered is not None
        and other.offered <= at
        and other.life.handoff != life.handoff
        and (other.first_contact is None or other.first_contact > at)
    ]
    return max(back, key=lambda other: (other.offered, other.life.handoff)).life.handoff if back else None


def _served(at: datetime | None) -> str | None:
    return None if at is None else instant.serve(at)
