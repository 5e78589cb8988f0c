"""Pulling a pathway: search by subject (in the body, never in a URL), read by id, follow an id that was joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Protocol
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code, Instant, Subject
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pathways.errors import subject_not_found
from pathline_gateway.pull.fast_path import PATH
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.paging import MAX_STEPS, REQUESTED_FIRST_PAGE, After, Limit, RequestedPage, encode_cursor
from pathline_gateway.pull.pathway_reader import (
    read_page,
)
from pathline_gateway.pull.schemas import PATHWAY, TRACE
from pathline_gateway.pull.unrestricted import (
    OPERATOR,
    pull_pathway,
    pull_pathway_as_of,
    redirect_to_pathway,
    trace_response,
    unrestricted_key,
)
from pathline_gateway.telemetry.instruments import start_span
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


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Who asks for something of a pathway, and what she says that it is for, as it was sent."""

    caller: Caller
    purpose: str | None = None
    authority: str | None = None


class Readers(Protocol):
    """Answers those who do not see everything. Each raises Problem."""

    async def search(self, pull_request: PullRequest, org: str, subject: str) -> UUID:
        """What this reader calls the pathway of this subject."""

    async def pull(
        self,
        pull_request: PullRequest,
        pathway: UUID,
        if_none_match: str | None,
        as_of: datetime | None = None,
        requested_page: RequestedPage = REQUESTED_FIRST_PAGE,
    ) -> Response:
        """What this reader sees of the pathway, now or as it stood."""

    async def trace(
        self, pull_request: PullRequest, pathway: UUID, requested_page: RequestedPage = REQUESTED_FIRST_PAGE
    ) -> Response:
        """The same as a trace."""


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


def _require_past(as_of: datetime | None, now: datetime) -> None:
    """Raises Problem where nobody can know yet how the pathway will stand."""
    if as_of is not None and as_of > instant.add(max(now, datetime.now(UTC)), _CLOCK_SKEW):
        detail = "lies ahead: ask how it stood at an instant that has come, or leave it out for how it stands now"
        errors = [{"field": "query.as_of", "detail": detail}]
        raise Problem(422, "invalid-request", f"query.as_of: {detail}", errors=errors)


def routes(pool: asyncpg.Pool, secret: bytes, readers: Readers, clock: Callable[[], datetime]) -> APIRouter:
    """`POST /v1/pathways/search`, `GET /v1/pathways/{id}` and `GET /v1/pathways/{id}/trace`."""
    router = APIRouter(tags=["pathways"])

    @router.post("/v1/pathways/search", summary="Find a person's pathway")
    async def search(
        wanted: PathwaySearch, caller: CurrentCaller, purpose: Purpose = None, authority: Authority = None
    ) -> PathwayName:
        """The pathway that this subject belongs to now."""
        if not caller.auth_disabled:
            pull_request = PullRequest(caller, wanted.purpose or purpose, wanted.authority or authority)
            return PathwayName(pathway=await readers.search(pull_request, wanted.org, wanted.subject))
        async with pool.acquire() as connection:
            pathway_id = await pathway_repository.find_pathway(connection, wanted.org, wanted.subject)
        if pathway_id is None:
            raise subject_not_found()
        return PathwayName(pathway=pathway_id)

    @router.get(PATH, summary="Pull a pathway", response_class=Response, responses=PATHWAY)
    async def pull(
        pathway: Id,
        caller: CurrentCaller,
        if_none_match: Annotated[str | None, Header(description="Versions that the reader has already")] = None,
        purpose: Purpose = None,
        authority: Authority = None,
        as_of: AsOf = None,
        after: After = None,
        limit: Limit = MAX_STEPS,
    ) -> Response:
        """Steps in order, legs and subjects. A long pathway comes in pages; an id that was joined redirects."""
        requested_page = RequestedPage(after, limit)
        _require_past(as_of, clock())
        if not caller.auth_disabled:
            return await readers.pull(
                PullRequest(caller, purpose, authority), pathway, if_none_match, as_of, requested_page
            )
        if as_of is not None:
            return await pull_pathway_as_of(pool, secret, pathway, as_of, requested_page)
        return await pull_pathway(pool, secret, clock, pathway, if_none_match, requested_page)

    @router.get(
        "/v1/pathways/{pathway}/trace", summary="A pathway as a trace", response_class=Response, responses=TRACE
    )
    async def trace(
        pathway: Id,
        caller: CurrentCaller,
        purpose: Purpose = None,
        authority: Authority = None,
        after: After = None,
        limit: Limit = MAX_STEPS,
    ) -> Response:
        """The journey as OTLP JSON, which any OpenTelemetry viewer draws; of a long pathway, the steps of a page."""
        requested_page = RequestedPage(after, limit)
        if not caller.auth_disabled:
            return await readers.trace(PullRequest(caller, purpose, authority), pathway, requested_page)
        page_range = requested_page.parse(unrestricted_key(secret))
        with start_span("pull trace"):
            async with pool.acquire() as connection:
                reading = await read_page(connection, pathway, clock(), page_range)
        if isinstance(reading, UUID):
            return redirect_to_pathway(reading, "/trace", requested_page)
        key = TraceKey(secret, OPERATOR, str(pathway), reading.version)
        next_cursor = None if reading.next is None else encode_cursor(unrestricted_key(secret), reading.next)
        return trace_response(journey_trace(reading.assembled, key), next_cursor, pathway, requested_page, {})

    return router
