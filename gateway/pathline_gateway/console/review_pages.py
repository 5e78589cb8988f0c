"""`/console/review`: are these one person? Both sides next to each other, what would merge or split, and two buttons.

An item's address holds its opaque number only; pseudonyms stand in the page, where a reviewer needs them.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Reviewer
from pathline_gateway.identity.evidence import EvidenceRank
from pathline_gateway.review import repository as review_repository
from pathline_gateway.review.case import Verdict
from pathline_gateway.review.endpoints import Reason, Reviews, State
from pathline_gateway.review.endpoints import load_page as listed
from pathline_gateway.review.service import ReviewResult
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.forms import OwnForm, parse_form
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_MAX_LISTED = 50
_ADVICE = "say what is decided, as the page has it"

REASON_WORDING = {
    "proposed": "nobody who may link both sides said so",
    "overruled": "something that outranks it says otherwise",
    "impossible": "it says that a record is itself",
    "hub": "one record is linked with more records than a person has",
    "conflict": "it would join two people that other evidence distinguishes",
    "oversize": "it would make a person of too many records",
    "accounts": "it would join the accounts of two people",
    "others": "it would join what other organisations know, on one organisation's word",
    "bridge": "it counts, but it alone holds two groups together, and is not sure",
}
"""Why evidence waits, in plain words."""

RANK_WORDING = {
    EvidenceRank.DECISION: "a reviewer's decision",
    EvidenceRank.CITIZEN: "the person herself",
    EvidenceRank.HANDOFF: "a redeemed hand-off",
    EvidenceRank.LINKER: "an organisation that may link both",
    EvidenceRank.OPEN: "anybody: nobody signs in here",
    EvidenceRank.PROPOSED: "nobody who may",
    EvidenceRank.OWN: "the organisation whose own both are",
    EvidenceRank.ONE_SIDE: "an organisation, of its own record and another's",
}
"""By what right evidence counts."""


class DecisionForm(BaseModel):
    """What the form of an item sends."""

    decision: Verdict
    reason: Annotated[str, Field(max_length=500)] = ""


class UndoForm(BaseModel):
    """What the other form of an item sends."""

    reason: Annotated[str, Field(max_length=500)] = ""


router = APIRouter(include_in_schema=False)


@router.get("/console/review")
async def queue_page(
    pool: RequestPool,
    review_service: Reviews,
    _: Reviewer,
    reason: Reason | None = None,
    state: State = "waiting",
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
) -> Response:
    """Who may be one person, and who not?"""
    async with read_transaction(pool) as connection:
        items = await listed(connection, state, reason, after, _MAX_LISTED, unrestricted=review_service.unrestricted)
        counts = await review_repository.count_waiting(connection, unrestricted=review_service.unrestricted)
    following = items[-1].cursor if len(items) == _MAX_LISTED else None
    return render_page(
        "review.html",
        items=items,
        counts=counts,
        reason=reason,
        state=state,
        following=following,
        why=REASON_WORDING,
    )


@router.get("/console/review/{item}")
async def item_page(
    review_service: Reviews, _: Reviewer, item: UUID, done: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """Are these one person?"""
    try:
        case = await review_service.get_case(item)
    except Problem:
        return render_page("missing.html", 404)
    return render_page(
        "review_item.html", referrer="same-origin", found=case, done=done, why=REASON_WORDING, right=RANK_WORDING
    )


@router.post("/console/review/{item}/decision")
async def decide(review_service: Reviews, _: Reviewer, item: UUID, sent: OwnForm) -> Response:
    """The two are one person, or two."""
    form = parse_form(sent, DecisionForm, _ADVICE)
    return _redirect(item, await review_service.decide(item, form.decision, form.reason or None))


@router.post("/console/review/{item}/undo")
async def undo(review_service: Reviews, _: Reviewer, item: UUID, sent: OwnForm) -> Response:
    """No decision stands about the two."""
    form = parse_form(sent, UndoForm, _ADVICE)
    return _redirect(item, await review_service.undo(item, form.reason or None))


def _redirect(item: UUID, result: ReviewResult) -> Response:
    return RedirectResponse(f"/console/review/{item}?done={'yes' if result.is_bound else 'soon'}", 303)
