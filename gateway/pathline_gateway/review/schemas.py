"""What reviewers are answered, for OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pathline.vocabulary.shapes import EventRef, Ref
from pathline_gateway.review.case import Verdict

Says = Literal["same", "different"]


class ReviewItem(BaseModel):
    """An item of the list."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    item: UUID
    reason: str | None
    """Why it waits; of a decision, why it is not in force."""
    since: datetime
    says: Says
    """What the evidence says of the two."""
    method: str | None
    confidence: float
    asserter: str
    """The organisation that says so."""
    refs: list[Ref]
    """The two."""
    decision: Verdict | None
    decided_at: datetime | None


class ReviewItems(BaseModel):
    """A page of items."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[ReviewItem]
    waiting: dict[str, int]
    """How much waits undecided, by reason."""
    next: int | None
    """The `after` of the next page; null at the end."""


class LiveEvidence(BaseModel):
    """Evidence that nobody has taken back."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source: str
    id: str
    says: Says
    refs: list[Ref]
    method: str | None
    confidence: float
    asserter: str
    asserted_at: datetime
    standing: str
    """How much it counts."""
    purpose: str | None
    """For what it may be used."""
    handoff: str | None
    """The hand-off whose token was redeemed."""
    waits: str | None
    """Why it does not bind, or is in doubt."""
    item: UUID | None
    """Under which name it waits."""


class ReviewSide(Ref):
    """One of the two, and what stands there."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    received_at: datetime
    pathway: UUID
    refs: int
    interactions: int
    organisations: int
    evidence: list[LiveEvidence]
    """About this one and others than the other side."""
    more_evidence: int
    """How much of that is not shown."""


class ReviewPathway(BaseModel):
    """A person, as some evidence says she is."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    pathway: UUID
    size: int
    """How many refs it has."""
    refs: list[Ref]
    """The oldest of them."""


class ReviewOutcome(BaseModel):
    """What a decision would change."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    binds: bool
    """Whether it would be in force; else another decision stands against it."""
    changes: bool
    """Whether anybody's pathway would be another."""
    before: list[ReviewPathway]
    after: list[ReviewPathway]


class ReviewOutcomes(BaseModel):
    """What each decision would change."""

    same: ReviewOutcome
    different: ReviewOutcome


class StandingDecision(BaseModel):
    """The decision that stands."""

    decision: Verdict
    at: datetime
    id: str


class ReviewCaseView(BaseModel):
    """All that a reviewer needs; never a payload."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    item: UUID
    reason: str | None
    since: datetime
    evidence: list[LiveEvidence]
    """About both."""
    sides: list[ReviewSide]
    if_: Annotated[ReviewOutcomes, Field(alias="if")]
    """What either decision would change."""
    decision: StandingDecision | None


class DecisionReceipt(BaseModel):
    """The decision, and whether membership follows it already."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    bound: bool
    evidence: list[EventRef]
    """The events that say it; none where it had been said before."""
