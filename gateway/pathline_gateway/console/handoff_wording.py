"""The hand-offs of a pathway in plain words, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.web.formatting import day, lasting, organisation

_STATES: Final = {
    None: "not offered: something else was published about it",
    "requested": "asked",
    "received": "seen, not answered",
    "accepted": "taken on",
    "rejected": "declined",
    "in-progress": "being worked on",
    "on-hold": "paused",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "taken back",
}
UNANSWERED: Final = ("requested", "received")
"""States in which nobody has answered."""
UNSEEN: Final = "not on the register: whether it answers cannot be seen"
_STAGES: Final[Mapping[Stage, str]] = {"accept": "an answer", "contact": "a contact with the person"}


@dataclass(frozen=True, slots=True)
class HandoffWording:
    """One hand-off, as the pathway's page tells of it."""

    handoff: str
    sender: str
    receiver: str | None
    """Its organisation's code; None where no offer is known."""
    need: str | None
    state: str
    offered: datetime | None
    due: datetime | None
    """When an answer was due."""
    wrong: tuple[str, ...]
    unanswered: bool
    """It was offered, and nobody has answered."""

    @property
    def to(self) -> str:
        """The receiver's name."""
        return "–" if self.receiver is None else organisation(self.receiver)


def waiting(handoffs: Iterable[Mapping[str, Any]], now: datetime) -> list[HandoffWording]:
    """The hand-offs of a pathway, as they were served."""
    return [_waiting(each, now) for each in handoffs]


def _waiting(served: Mapping[str, Any], now: datetime) -> HandoffWording:
    state, ended_by = served["state"], served["ended_by"]
    return HandoffWording(
        served["handoff"],
        organisation(served["from"]),
        None if served["to"] is None else served["to"]["org"],
        served["need"],
        in_words(state, ended_by),
        _instant(served["offered"]),
        _instant(served["due"]["accept"]),
        tuple(_wrong(served, now)),
        state in UNANSWERED,
    )


def in_words(state: str | None, ended_by: str | None) -> str:
    """The state of a hand-off, as people say it."""
    return "expired" if ended_by == "expired" else _STATES[state]


def silent(stage: Stage, due: datetime, now: datetime) -> str:
    """That nothing was heard."""
    return f"silent: {_STAGES[stage]} was due on {day(due)}, {lasting(now - due)} ago"


def late(stage: Stage) -> str:
    """That something was heard, and too late."""
    return f"late: {_STAGES[stage]} came after it was due"


def _wrong(served: Mapping[str, Any], now: datetime) -> Iterable[str]:
    for stage in served["silent"]:
        yield silent(stage, datetime.fromisoformat(served["due"][stage]), now)
    for stage in served["late"]:
        yield late(stage)
    if served["to"] is not None and not served["observable"]:
        yield UNSEEN
    if served["redirected"]:
        yield f"passed on {len(served['redirected'])} times" if len(served["redirected"]) > 1 else "passed on once"
    if served["returns"]:
        yield "sent straight back, before anybody met the person"
    if served["anomalies"]:
        verbs = ", ".join(dict.fromkeys(each["verb"] for each in served["anomalies"]))
        yield f"out of turn, and without effect: {verbs}"


def _instant(served: str | None) -> datetime | None:
    return None if served is None else datetime.fromisoformat(served)
