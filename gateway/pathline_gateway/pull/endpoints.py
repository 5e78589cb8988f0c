"""Pulling a pathway: search by subject (in the body, never in a URL), read by id, follow an id that was joined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code, Instant, Subject
from pathline_gateway.auth.dependencies import PathwayReader
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.errors import subject_not_found
from pathline_gateway.pull.fast_path import PATH
from pathline_gateway.pull.page_range import MAX_STEPS
from pathline_gateway.pull.paging import After, Limit, RequestedPage
from pathline_gateway.pull.request import PullRequest
from pathline_gateway.pull.restricted import Readers
from pathline_gateway.pull.schemas import PATHWAY, TRACE
from pathline_gateway.pull.unrestricted import pull_pathway, pull_pathway_as_of, pull_trace
from pathline_gateway.web.context import Context
from pathline_gateway.web.problem import Problem

_MAX_PURPOSE_LENGTH = 2_100


class PathwaySearch(BaseModel):
    """A person as one organisation knows her."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Code
    """The organisation's code."""
    subject: Subject
    """Its pseudonym for the person."""
    purpose: Annotated[str, Field(max_length=_MAX_PURPOSE_LENGTH)] | None = None
    """What the pathway is wanted for, a code; as in the header `pathline-purpose`."""
    authority: Annotated[str, Field(max_length=_MAX_PURPOSE_LENGTH)] | None = None
    """What is relied on besides consent; as in the header `pathline-authority`."""


class PathwayName(BaseModel):
    """The pathway that the subject belongs to."""

    pathway: UUID


Purpose = Annotated[str | None, Header(alias="pathline-purpose", description="What it is for: a code")]
Authority = Annotated[
    str | None,
    Header(
        alias="pathline-authority",
        description='What is relied on besides consent: law, serious-threat or mandate; instrument="…"',
    ),
]

Id = Annotated[UUID, Path(description="What this reader calls the pathway: the answer of a search")]

AsOf = Annotated[
    Instant | None, Query(description="The pathway as it stood then: its refs, and what had been received")
]


_CLOCK_SKEW: Final = timedelta(minutes=5)
"""So much may a reader's clock be ahead of ours."""

router = APIRouter(tags=["pathways"])


@router.post("/v1/pathways/search", summary="Find a person's pathway")
async def search_pathway(
    context: Context,
    readers: Readers,
    wanted: PathwaySearch,
    caller: PathwayReader,
    purpose: Purpose = None,
    authority: Authority = None,
) -> PathwayName:
    """The pathway that this subject belongs to now."""
    if not caller.auth_disabled:
        pull_request = PullRequest(caller, wanted.purpose or purpose, wanted.authority or authority)
        return PathwayName(pathway=await readers.search(pull_request, wanted.org, wanted.subject))
    async with context.pool.acquire() as connection:
        pathway_id = await pathway_repository.find_pathway(connection, wanted.org, wanted.subject)
    if pathway_id is None:
        raise subject_not_found()
    return PathwayName(pathway=pathway_id)


@router.get(PATH, summary="Pull a pathway", response_class=Response, responses=PATHWAY)
async def get_pathway(
    context: Context,
    readers: Readers,
    pathway: Id,
    caller: PathwayReader,
    if_none_match: Annotated[str | None, Header(description="Versions that the reader has already")] = None,
    purpose: Purpose = None,
    authority: Authority = None,
    as_of: AsOf = None,
    after: After = None,
    limit: Limit = MAX_STEPS,
) -> Response:
    """Steps in order, legs and subjects. A long pathway comes in pages; an id that was joined redirects."""
    requested_page = RequestedPage(after, limit)
    _require_past(as_of, context.clock())
    if not caller.auth_disabled:
        return await readers.pull(
            PullRequest(caller, purpose, authority), pathway, if_none_match, as_of, requested_page
        )
    if as_of is not None:
        return await pull_pathway_as_of(context.pool, context.secret, pathway, as_of, requested_page)
    return await pull_pathway(context.pool, context.secret, context.clock, pathway, if_none_match, requested_page)


@router.get("/v1/pathways/{pathway}/trace", summary="A pathway as a trace", response_class=Response, responses=TRACE)
async def get_trace(
    context: Context,
    readers: Readers,
    pathway: Id,
    caller: PathwayReader,
    purpose: Purpose = None,
    authority: Authority = None,
    after: After = None,
    limit: Limit = MAX_STEPS,
) -> Response:
    """The journey as OTLP JSON, which any OpenTelemetry viewer draws; of a long pathway, the steps of a page."""
    requested_page = RequestedPage(after, limit)
    if not caller.auth_disabled:
        return await readers.trace(PullRequest(caller, purpose, authority), pathway, requested_page)
    return await pull_trace(context.pool, context.secret, context.clock, pathway, requested_page)


def _require_past(as_of: datetime | None, now: datetime) -> None:
    """Raises Problem where nobody can know yet how the pathway will stand."""
    if as_of is not None and as_of > instant.add(max(now, datetime.now(UTC)), _CLOCK_SKEW):
        detail = "lies ahead: ask how it stood at an instant that has come, or leave it out for how it stands now"
        errors = [{"field": "query.as_of", "detail": detail}]
        raise Problem(422, "invalid-request", f"query.as_of: {detail}", errors=errors)
