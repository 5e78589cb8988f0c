"""Hand-offs of everybody in plain words: by who hands to whom, and one by one with their clocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pathline_gateway.console.handoff_wording import UNSEEN, in_words, late, silent
from pathline_gateway.handoffs.deadlines import STAGES, Stage
from pathline_gateway.handoffs.overview_repository import HandoffLineRow, OrganisationPair
from pathline_gateway.web.formatting import lasting, organisation


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


def pair_lines(pairs: Iterable[OrganisationPair]) -> list[PairLine]:
    """The rows of the page."""
    return [
        PairLine(
            pair.sender,
            pair.receiver,
            named(pair.sender, pair.receiver),
            pair.offered,
            pair.waiting,
            pair.silent,
            _median(pair.to_acceptance, pair.accepted),
            _median(pair.to_contact, pair.met),
            pair.declined,
            pair.expired,
            pair.observable,
        )
        for pair in pairs
    ]


def named(sender: str, receiver: str | None) -> str:
    """Who hands to whom, for people."""
    return f"{organisation(sender)} to {'nobody known' if receiver is None else organisation(receiver)}"


def line(standing: HandoffLineRow, now: datetime) -> HandoffLine:
    """One hand-off, as the page tells of it."""
    since = [due for stage, due in _silences(standing)]
    return HandoffLine(
        standing.handoff,
        standing.pathway,
        organisation(standing.sender),
        "–" if standing.receiver is None else organisation(standing.receiver),
        in_words(standing.state, standing.ended_by),
        standing.offered,
        standing.due_contact if standing.answered_accept is not None and standing.due_contact else standing.due_accept,
        standing.accepted,
        standing.first_contact,
        standing.ended,
        lasting(now - min(since)) if since else None,
        tuple(_wrong(standing, now)),
    )


def _silences(standing: HandoffLineRow) -> Iterator[tuple[Stage, datetime]]:
    if standing.no_answer and standing.due_accept is not None:
        yield "accept", standing.due_accept
    if standing.no_contact and standing.due_contact is not None:
        yield "contact", standing.due_contact


def _wrong(standing: HandoffLineRow, now: datetime) -> Iterator[str]:
    for stage, due in _silences(standing):
        yield silent(stage, due, now)
    for stage in STAGES:
        accept = stage == "accept"
        due_at = standing.due_accept if accept else standing.due_contact
        answered = standing.answered_accept if accept else standing.answered_contact
        if standing.observable and due_at is not None and answered is not None and answered > due_at:
            yield late(stage)
    if standing.receiver is not None and not standing.observable:
        yield UNSEEN
    if standing.redirects:
        yield f"passed on {standing.redirects} times" if standing.redirects > 1 else "passed on once"
    if standing.anomalies:
        yield f"out of turn, and without effect: {standing.anomalies:,}"


def _median(wait: timedelta | None, n: int) -> str:
    return f"{'–' if wait is None else lasting(wait)} (n = {n:,})"
