"""`/console/pathways`: one pathway in time, and as a trace. Plain HTML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ValidationError
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from pathline.rows.service_code import make_code
from pathline_gateway.access_log.access import What
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import OperatorCaller
from pathline_gateway.console import pathway_drawing, trace_drawing
from pathline_gateway.console.handoff_wording import describe_handoffs
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pull.endpoints import PathwaySearch
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.paging import After, RequestedPage, encode_cursor
from pathline_gateway.pull.pathway_reader import PathwayReading, read_page
from pathline_gateway.pull.reader_view import ReaderView
from pathline_gateway.pull.request import PullRequest
from pathline_gateway.pull.restricted import Readers, RestrictedReader
from pathline_gateway.pull.unrestricted import OPERATOR, unrestricted_key
from pathline_gateway.visibility.uncomputable_problem import uncomputable_as_problem
from pathline_gateway.web.context import AppContext, Context
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

STATIC = StaticFiles(directory=Path(__file__).parents[1] / "web" / "static")


router = APIRouter(include_in_schema=False)


@router.post("/console/pathways")
async def search_page(context: Context, readers: Readers, form: OwnForm, caller: OperatorCaller) -> Response:
    """Finds a person's pathway; the subject travels in the body."""
    query = _parse_search(form)
    pathway_id = None if query is None else await _find_pathway(context, readers, query, caller)
    return (
        render_page("missing.html", 404)
        if pathway_id is None
        else RedirectResponse(f"/console/pathways/{pathway_id}", 303)
    )


@router.get("/console/pathways/{pathway}")
async def pathway_page(
    context: Context, readers: Readers, pathway: UUID, caller: OperatorCaller, after: After = None
) -> Response:
    """Where has this person been, and what does she wait for?"""
    reading = await _read(context, readers, pathway, caller, "pathway", RequestedPage(after))
    if isinstance(reading, Response):
        return reading
    handoff_wordings = describe_handoffs(
        reading.handoffs if isinstance(reading, ReaderView) else reading.serve_handoffs(), context.clock()
    )
    drawing = pathway_drawing.draw_pathway(reading.assembled, handoff_wordings, context.clock())
    return render_page(
        "pathway.html",
        pathway=pathway,
        found=reading.assembled,
        drawing=drawing,
        waits=handoff_wordings,
        first=after is None,
        following=_next_cursor(context, reading),
    )


@router.get("/console/pathways/{pathway}/trace")
async def trace_page(
    context: Context, readers: Readers, pathway: UUID, caller: OperatorCaller, after: After = None
) -> Response:
    """The journey, as a trace."""
    reading = await _read(context, readers, pathway, caller, "trace", RequestedPage(after))
    if isinstance(reading, Response):
        return reading
    if isinstance(reading, ReaderView):
        otlp = reading.trace()
    else:
        otlp = journey_trace(reading.assembled, TraceKey(context.secret, OPERATOR, str(pathway), reading.version))
    return render_page(
        "trace.html", pathway=pathway, fall=trace_drawing.draw_waterfall(otlp), following=_next_cursor(context, reading)
    )


async def _find_pathway(
    context: AppContext, readers: RestrictedReader, query: PathwaySearch, caller: Caller
) -> UUID | None:
    if not caller.auth_disabled:
        try:
            return await readers.search(PullRequest(caller), query.org, query.subject)
        except Problem:
            return None
    async with context.pool.acquire() as connection:
        return await pathway_repository.find_pathway(connection, query.org, query.subject)


async def _read(
    context: AppContext,
    readers: RestrictedReader,
    pathway: UUID,
    caller: Caller,
    action: What,
    requested_page: RequestedPage,
) -> ReaderView | PathwayReading | Response:
    """What this caller sees of it, of one moment, and logged where callers are told apart."""
    reading: ReaderView | PathwayReading | UUID | None
    if caller.auth_disabled:
        reading = await _read_unrestricted(context, pathway, requested_page)
    else:
        reading = await readers.read_view(PullRequest(caller), pathway, action, requested_page)
    if reading is None:
        return render_page("missing.html", 404)
    if isinstance(reading, UUID):
        suffix = "/trace" if action == "trace" else ""
        return RedirectResponse(f"/console/pathways/{reading}{suffix}", 308)
    return reading


async def _read_unrestricted(
    context: AppContext, pathway: UUID, requested_page: RequestedPage
) -> PathwayReading | UUID | None:
    page_range = requested_page.parse(unrestricted_key(context.secret))
    try:
        async with context.pool.acquire() as connection:
            with uncomputable_as_problem():
                return await read_page(connection, pathway, context.clock(), page_range)
    except Problem as problem:
        if problem.status != 404:
            raise
        return None


def _next_cursor(context: AppContext, reading: ReaderView | PathwayReading) -> str | None:
    """How the next page is asked for, where there is one."""
    if isinstance(reading, ReaderView):
        return reading.next
    return None if reading.next is None else encode_cursor(unrestricted_key(context.secret), reading.next)


def _parse_search(form: Mapping[str, str]) -> PathwaySearch | None:
    try:
        # Pages write `Housing` and `Food bank`: what they write finds what they mean.
        return PathwaySearch.model_validate(
            {**form, "org": make_code(form.get("org", "")), "subject": form.get("subject", "").strip()}
        )
    except ValidationError:
        return None
