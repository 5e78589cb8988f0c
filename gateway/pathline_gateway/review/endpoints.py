"""`/v1/identity/review`: evidence that waits for a person, what would merge or split, decisions and their undoing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Reviewer
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.identity.resolution import StoredRef
from pathline_gateway.reserved_names import REVIEW_SOURCE
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import CasePathway, CaseSide, DecisionPreview, ReviewCase, Verdict
from pathline_gateway.review.repository import EvidenceOnRef, ReviewListItem
from pathline_gateway.review.schemas import DecisionReceipt, ReviewCaseView, ReviewItems
from pathline_gateway.review.service import ReviewResult, ReviewService
from pathline_gateway.web.context import RequestPool, service
from pathline_gateway.web.list_parameters import LIMIT_DESCRIPTION, AfterId
from pathline_gateway.web.openapi_responses import response_docs

Reason = Literal["proposed", "overruled", "impossible", "hub", "conflict", "oversize", "bridge", "accounts", "others"]
"""Why evidence waits, or is in doubt."""
State = Literal["waiting", "decided"]

MAX_LIMIT = 500
_DECISION_RESPONSES = response_docs(
    DecisionReceipt, {200: "Membership follows it", 202: "The broker has it, and membership will follow"}
)
ReasonText = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
Reviews = Annotated[ReviewService, Depends(service(ReviewService))]
Item = Annotated[UUID, Path(description="The item's id, from the list")]


class DecisionRequest(BaseModel):
    """A decision about one item."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Verdict
    """Whether the two refs are one person."""
    reason: ReasonText | None = None
    """Why, for whoever looks at it again. It is kept: name nobody."""


class UndoRequest(BaseModel):
    """A decision is taken back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: ReasonText | None = None
    """Why, for whoever looks at it again. It is kept: name nobody."""


router = APIRouter(tags=["identity"])


@router.get(
    "/v1/identity/review",
    summary="List what waits for a decision",
    response_model=None,
    responses=response_docs(ReviewItems, "In the order of its coming"),
)
async def list_review_items(
    pool: RequestPool,
    review_service: Reviews,
    _: Reviewer,
    reason: Annotated[Reason | None, Query(description="Those that wait for this reason")] = None,
    state: Annotated[State, Query(description="What waits, or the decisions that stand")] = "waiting",
    after: AfterId = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description=LIMIT_DESCRIPTION)] = 50,
) -> dict[str, Any]:
    """In the order of its coming; `next` is the `after` of the next page. `decided`: decisions that stand."""
    async with read_transaction(pool) as connection:
        items = await load_page(connection, state, reason, after, limit, unrestricted=review_service.unrestricted)
        waiting = await review_repository.count_waiting(connection, unrestricted=review_service.unrestricted)
    next_cursor = items[-1].cursor if len(items) == limit else None
    return {"items": [render_list_item(each) for each in items], "waiting": waiting, "next": next_cursor}


@router.get(
    "/v1/identity/review/{item}",
    summary="One item with its evidence, and what would merge or split",
    response_model=None,
    responses=response_docs(ReviewCaseView, "All there is to know of it"),
)
async def get_review_item(review_service: Reviews, _: Reviewer, item: Item) -> dict[str, Any]:
    """Both sides, live evidence about each, how much stands there, and every pathway that a decision changes."""
    return render_case(await review_service.get_case(item))


@router.post(
    "/v1/identity/review/{item}/decision",
    summary="Decide that two refs are one person, or two",
    response_model=None,
    responses=_DECISION_RESPONSES,
)
async def decide_item(
    review_service: Reviews, _: Reviewer, item: Item, body: DecisionRequest, response: Response
) -> dict[str, Any]:
    """200 when membership follows it; 202 when the broker has it and membership will follow. It can be undone."""
    return _render_result(await review_service.decide(item, body.decision, body.reason), response)


@router.post(
    "/v1/identity/review/{item}/undo",
    summary="Take back what was decided",
    response_model=None,
    responses=_DECISION_RESPONSES,
)
async def undo_decision(
    review_service: Reviews, _: Reviewer, item: Item, body: UndoRequest, response: Response
) -> dict[str, Any]:
    """Every decision about the two refs; other evidence says again what it says. 200 or 202 as for a decision."""
    return _render_result(await review_service.undo(item, body.reason), response)


async def load_page(
    connection: asyncpg.Connection, state: State, reason: str | None, after: int, limit: int, *, unrestricted: bool
) -> list[ReviewListItem]:
    """The next items of this state."""
    list_items = review_repository.list_waiting if state == "waiting" else review_repository.list_decided
    return await list_items(connection, reason, after, limit, unrestricted=unrestricted)


def render_list_item(each: ReviewListItem) -> dict[str, Any]:
    """An item of a list, as it is served."""
    return {
        "item": str(each.item),
        "reason": each.reason,
        "since": instant.to_text(each.since),
        "says": each.kind,
        "method": each.method,
        "confidence": each.confidence,
        "asserter": each.asserter,
        "refs": [{"org": each.a_org, "subject": each.a_subject}, {"org": each.b_org, "subject": each.b_subject}],
        "decision": each.decision,
        "decided_at": None if each.decided_at is None else instant.to_text(each.decided_at),
    }


def render_case(case: ReviewCase) -> dict[str, Any]:
    """A dossier, as it is served."""
    standing_decision = case.decision
    return {
        "item": str(case.item),
        "reason": case.subject.reason,
        "since": instant.to_text(case.subject.since),
        "evidence": [_render_evidence(each) for each in case.shared_evidence],
        "sides": [_render_side(side) for side in case.sides],
        "if": {verdict: _render_preview(outcome) for verdict, outcome in case.previews.items()},
        "decision": None
        if standing_decision is None
        else {
            "decision": "same" if standing_decision.same else "different",
            "at": instant.to_text(standing_decision.at),
            "id": standing_decision.id,
        },
    }


def _render_evidence(each: EvidenceOnRef) -> dict[str, Any]:
    return {
        "source": each.source_name,
        "id": each.id,
        "says": each.kind,
        "refs": [{"org": each.a_org, "subject": each.a_subject}, {"org": each.b_org, "subject": each.b_subject}],
        "method": each.method,
        "confidence": each.confidence,
        "asserter": each.asserter,
        "asserted_at": instant.to_text(each.asserted_at),
        "standing": EvidenceRank(each.rank).name.lower(),
        "purpose": each.purpose,
        "handoff": each.handoff,
        "waits": each.waits,
        "item": None if each.item is None else str(each.item),
    }


def _render_side(side: CaseSide) -> dict[str, Any]:
    return {
        **_render_ref(side.ref),
        "received_at": instant.to_text(side.ref.received_at),
        "pathway": str(side.pathway),
        **asdict(side.weight),
        "evidence": [_render_evidence(each) for each in side.evidence],
        "more_evidence": side.hidden_count,
    }


def _render_preview(preview: DecisionPreview) -> dict[str, Any]:
    return {
        "binds": preview.is_binding,
        "changes": preview.changes_pathways,
        "before": [_render_pathway(each) for each in preview.before],
        "after": [_render_pathway(each) for each in preview.after],
    }


def _render_pathway(each: CasePathway) -> dict[str, Any]:
    return {"pathway": str(each.id), "size": each.size, "refs": [_render_ref(ref) for ref in each.refs]}


def _render_ref(ref: StoredRef) -> dict[str, str]:
    return {"org": ref.org, "subject": ref.subject}


def _render_result(result: ReviewResult, response: Response) -> dict[str, Any]:
    response.status_code = 200 if result.is_bound else 202
    return {"bound": result.is_bound, "evidence": [{"source": REVIEW_SOURCE, "id": id} for id in result.ids]}
