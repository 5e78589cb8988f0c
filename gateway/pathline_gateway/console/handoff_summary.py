"""Hand-offs of everybody in plain words: by who hands to whom, and one by one with their deadlines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pathline_gateway.console.handoff_wording import NOT_OBSERVABLE, describe_lateness, describe_silence, describe_state
from pathline_gateway.handoffs.deadlines import STAGES, Stage
from pathline_gateway.handoffs.overview_repository import HandoffLineRow, OrganisationPair
from pathline_gateway.web.formatting import format_duration, organisation_name


@dataclass(frozen=True, slots=True)
class PairLine:
    """A row of the page: what one organisation has handed to another. Figures carry the n that they are of."""

    sender: str
    receiver: str | None
    """Codes; None where no offer says who is asked."""
    name: str
    """Both, for people."""
    offered: int
    waiting: int
    silent: int
    unmet: int
    to_acceptance: str
    to_contact: str
    declined: int
    expired: int
    observable: bool


@dataclass(frozen=True, slots=True)
class HandoffLine:
    """One hand-off."""

    handoff: str
    pathway: UUID
    sender: str
    receiver: str
    state: str
    offered: datetime
    due: datetime | None
    """When an answer was due; where it came, a contact."""
    accepted: datetime | None
    first_contact: datetime | None
    ended: datetime | None
    silent_for: str | None
    wrong: tuple[str, ...]


def summarize_pairs(pairs: Iterable[OrganisationPair]) -> list[PairLine]:
    """The rows of the page."""
    return [
        PairLine(
            pair.sender,
            pair.receiver,
            pair_name(pair.sender, pair.receiver),
            pair.offered,
            pair.waiting,
            pair.silent,
            pair.unmet,
            _format_median(pair.median_to_acceptance, pair.accepted),
            _format_median(pair.median_to_contact, pair.contacted),
            pair.declined,
            pair.expired,
            pair.observable,
        )
        for pair in pairs
    ]


def pair_name(sender: str, receiver: str | None) -> str:
    """Who hands to whom, for people."""
    return f"{organisation_name(sender)} to {'nobody known' if receiver is None else organisation_name(receiver)}"


def summarize_handoff(row: HandoffLineRow, now: datetime) -> HandoffLine:
    """One hand-off, as the page tells of it."""
    silent_since = [due for stage, due in _find_silences(row)]
    return HandoffLine(
        row.handoff,
        row.pathway,
        organisation_name(row.sender),
        "–" if row.receiver is None else organisation_name(row.receiver),
        describe_state(row.state, row.ended_by),
        row.offered,
        row.due_contact if row.answered_accept is not None and row.due_contact else row.due_accept,
        row.accepted,
        row.first_contact,
        row.ended,
        format_duration(now - min(silent_since)) if silent_since else None,
        tuple(_find_faults(row, now)),
    )


def _find_silences(row: HandoffLineRow) -> Iterator[tuple[Stage, datetime]]:
    if row.no_answer and row.due_accept is not None:
        yield "accept", row.due_accept
    if row.no_contact and row.due_contact is not None:
        yield "contact", row.due_contact


def _find_faults(row: HandoffLineRow, now: datetime) -> Iterator[str]:
    for stage, due in _find_silences(row):
        yield describe_silence(stage, due, now)
    for stage in STAGES:
        accept = stage == "accept"
        due_at = row.due_accept if accept else row.due_contact
        answered = row.answered_accept if accept else row.answered_contact
        if row.observable and due_at is not None and answered is not None and answered > due_at:
            yield describe_lateness(stage)
    if row.receiver is not None and not row.observable:
        yield NOT_OBSERVABLE
    if row.redirects:
        yield f"passed on {row.redirects} times" if row.redirects > 1 else "passed on once"
    if row.anomalies:
        yield f"out of turn, and without effect: {row.anomalies:,}"


def _format_median(wait: timedelta | None, n: int) -> str:
    return f"{'–' if wait is None else format_duration(wait)} (n = {n:,})"
