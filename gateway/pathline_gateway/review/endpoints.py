"""`/v1/identity/review`: evidence that waits for a person, what would merge or split, decisions and their undoing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.access_log.request_row import reading
from pathline_gateway.auth.dependencies import Reviewer
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.resolution import Ref
from pathline_gateway.reserved_names import REVIEW
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import CasePathway, CaseSide, DecisionPreview, ReviewCase, Verdict
from pathline_gateway.review.repository import EvidenceOnRef, ReviewListItem
from pathline_gateway.review.schemas import DecisionReceipt, ReviewCaseView, ReviewItems
from pathline_gateway.review.service import ReviewResult, ReviewService
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers

Reason = Literal["proposed", "overruled", "impossible", "hub", "conflict", "oversize", "bridge", "accounts", "others"]
"""Why evidence waits, or is in doubt."""
State = Literal["waiting", "decided"]

MOST = 500
_SAID = answers(DecisionReceipt, {200: "Membership follows it", 202: "The broker has it, and membership will follow"})
_BIGGEST = 2**63 - 1
Because = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Item = Annotated[UUID, Path(description="The item's id, from the list")]


class Decide(BaseModel):
    """A decision about one item."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Verdict
    """Whether the two refs are one person."""
    reason: Because | None = None
    """Why, for whoever looks at it again. It is kept: name nobody."""


class Undo(BaseModel):
    """A decision is taken back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: Because | None = None
    """Why, for whoever looks at it again. It is kept: name nobody."""


def routes(pool: asyncpg.Pool, reviewing: ReviewService) -> APIRouter:
    """`GET /v1/identity/review`, `/v1/identity/review/{item}`, `POST …/decision` and `…/undo`."""
    router = APIRouter(tags=["identity"])

    @router.get(
        "/v1/identity/review",
        summary="List what waits for a decision",
        response_model=None,
        responses=answers(ReviewItems, "In the order of its coming"),
    )
    async def listed(
        _: Reviewer,
        reason: Annotated[Reason | None, Query(description="Those that wait for this reason")] = None,
        state: Annotated[State, Query(description="What waits, or the decisions that stand")] = "waiting",
        after: Annotated[int, Query(ge=0, le=_BIGGEST, description=AFTER)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST, description=LIMIT)] = 50,
    ) -> dict[str, Any]:
        """In the order of its coming; `next` is the `after` of the next page. `decided`: decisions that stand."""
        async with reading(pool) as connection:
            found = await page(connection, state, reason, after, limit, everything=reviewing.everything)
            waiting = await review_repository.counts(connection, everything=reviewing.everything)
        following = found[-1].nr if len(found) == limit else None
        return {"items": [brief(each) for each in found], "waiting": waiting, "next": following}

    @router.get(
        "/v1/identity/review/{item}",
        summary="One item with its evidence, and what would merge or split",
        response_model=None,
        responses=answers(ReviewCaseView, "All there is to know of it"),
    )
    async def one(_: Reviewer, item: Item) -> dict[str, Any]:
        """Both sides, live evidence about each, how much stands there, and every pathway that a decision changes."""
        return served(await reviewing.look(item))

    @router.post(
        "/v1/identity/review/{item}/decision",
        summary="Decide that two refs are one person, or two",
        response_model=None,
        responses=_SAID,
    )
    async def decide(_: Reviewer, item: Item, wanted: Decide, response: Response) -> dict[str, Any]:
        """200 when membership follows it; 202 when the broker has it and membership will follow. It can be undone."""
        return _done(await reviewing.decide(item, wanted.decision, wanted.reason), response)

    @router.post(
        "/v1/identity/review/{item}/undo", summary="Take back what was decided", response_model=None, responses=_SAID
    )
    async def undo(_: Reviewer, item: Item, wanted: Undo, response: Response) -> dict[str, Any]:
        """Every decision about the two refs; other evidence says again what it says. 200 or 202 as for a decision."""
        return _done(await reviewing.undo(item, wanted.reason), response)

    return router


async def page(
    connection: asyncpg.Connection, state: State, reason: str | None, after: int, limit: int, *, everything: bool
) -> list[ReviewListItem]:
    """The next items of this state."""
    listing = review_repository.waiting if state == "waiting" else review_repository.decided
    return await listing(connection, reason, after, limit, everything=everything)


def brief(each: ReviewListItem) -> dict[str, Any]:
    """An item of a list, as it is served."""
    return {
        "item": str(each.item),
        "reason": each.reason,
        "since": instant.serve(each.since),
        "says": each.kind,
        "method": each.method,
        "confidence": each.confidence,
        "asserter": each.asserter,
        "refs": [{"org": each.a_org, "subject": each.a_subject}, {"org": each.b_org, "subject": each.b_subject}],
        "decision": each.decision,
        "decided_at": None if each.decided_at is None else instant.serve(each.decided_at),
    }


def served(found: ReviewCase) -> dict[str, Any]:
    """A dossier, as it is served."""
    decided = found.decision
    return {
        "item": str(found.item),
        "reason": found.named.reason,
        "since": instant.serve(found.named.since),
        "evidence": [_said(each) for each in found.between],
        "sides": [_side(side) for side in found.sides],
        "if": {verdict: _outcome(outcome) for verdict, outcome in found.outcomes.items()},
        "decision": None
        if decided is None
        else {"decision": "same" if decided.same else "different", "at": instant.serve(decided.at), "id": decided.id},
    }


def _said(each: EvidenceOnRef) -> dict[str, Any]:
    return {
        "source": each.source_name,
        "id": each.id,
        "says": each.kind,
        "refs": [{"org": each.a_org, "subject": each.a_subject}, {"org": each.b_org, "subject": each.b_subject}],
        "method": each.method,
        "confidence": each.confidence,
        "asserter": each.asserter,
        "asserted_at": instant.serve(each.asserted_at),
        "standing": EvidenceRank(each.standing).name.lower(),
        "purpose": each.purpose,
        "handoff": each.handoff,
        "waits": each.waits,
        "item": None if each.item is None else str(each.item),
    }


def _side(side: CaseSide) -> dict[str, Any]:
    return {
        **_ref(side.ref),
        "received_at": instant.serve(side.ref.received_at),
        "pathway": str(side.pathway),
        **asdict(side.weight),
        "evidence": [_said(each) for each in side.said],
        "more_evidence": side.more,
    }


def _outcome(outcome: DecisionPreview) -> dict[str, Any]:
    return {
        "binds": outcome.binds,
        "changes": outcome.changes,
        "before": [_pathway(each) for each in outcome.before],
        "after": [_pathway(each) for each in outcome.after],
    }


def _pathway(each: CasePathway) -> dict[str, Any]:
    return {"pathway": str(each.id), "size": each.size, "refs": [_ref(ref) for ref in each.refs]}


def _ref(ref: Ref) -> dict[str, str]:
    return {"org": ref.org, "subject": ref.subject}


def _done(done: ReviewResult, response: Response) -> dict[str, Any]:
    response.status_code = 200 if done.bound else 202
    return {"bound": done.bound, "evidence": [{"source": REVIEW, "id": id} for id in done.ids]}
