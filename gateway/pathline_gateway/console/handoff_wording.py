"""The hand-offs of a pathway in plain words, and what is wrong with them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pathline_gateway.handoffs.deadlines import Stage
from pathline_gateway.web.formatting import format_day, format_duration, organisation_name

_STATE_WORDING: Final = {
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
UNANSWERED_STATES: Final = ("requested", "received")
"""States in which nobody has answered."""
NOT_OBSERVABLE: Final = "not on the register: whether it answers cannot be seen"
_STAGE_WORDING: Final[Mapping[Stage, str]] = {"accept": "an answer", "contact": "a contact with the person"}


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
        return "–" if self.receiver is None else organisation_name(self.receiver)


def describe_handoffs(handoffs: Iterable[Mapping[str, Any]], now: datetime) -> list[HandoffWording]:
    """The hand-offs of a pathway, as they were served."""
    return [_describe_handoff(each, now) for each in handoffs]


def _describe_handoff(served: Mapping[str, Any], now: datetime) -> HandoffWording:
    state, ended_by = served["state"], served["ended_by"]
    return HandoffWording(
        served["handoff"],
        organisation_name(served["from"]),
        None if served["to"] is None else served["to"]["org"],
        served["need"],
        describe_state(state, ended_by),
        _parse_instant(served["offered"]),
        _parse_instant(served["due"]["accept"]),
        tuple(_find_faults(served, now)),
        state in UNANSWERED_STATES,
    )


def describe_state(state: str | None, ended_by: str | None) -> str:
    """The state of a hand-off, as people say it."""
    return "expired" if ended_by == "expired" else _STATE_WORDING[state]


def describe_silence(stage: Stage, due: datetime, now: datetime) -> str:
    """Words for a stage that nobody has answered."""
    word = "silent" if stage == "accept" else "unmet"
    return f"{word}: {_STAGE_WORDING[stage]} was due on {format_day(due)}, {format_duration(now - due)} ago"


def describe_lateness(stage: Stage) -> str:
    """That something was heard, and too late."""
    return f"late: {_STAGE_WORDING[stage]} came after it was due"


def _find_faults(served: Mapping[str, Any], now: datetime) -> Iterable[str]:
    for stage in served["silent"]:
        yield describe_silence(stage, datetime.fromisoformat(served["due"][stage]), now)
    for stage in served["late"]:
        yield describe_lateness(stage)
    if served["to"] is not None and not served["observable"]:
        yield NOT_OBSERVABLE
    if served["redirected"]:
        yield f"passed on {len(served['redirected'])} times" if len(served["redirected"]) > 1 else "passed on once"
    if served["returns"]:
        yield "sent straight back, before anybody met the person"
    if served["anomalies"]:
        verbs = ", ".join(dict.fromkeys(each["verb"] for each in served["anomalies"]))
        yield f"out of turn, and without effect: {verbs}"


def _parse_instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
