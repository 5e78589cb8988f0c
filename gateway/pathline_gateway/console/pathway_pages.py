"""`/console/pathways`: one pathway in time, and as a trace. Plain HTML."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from starlette.responses import RedirectResponse
from starlette.staticfiles import StaticFiles

from pathline_gateway.access_log.writer import What
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.console import pathway_drawing, trace_drawing
from pathline_gateway.console.handoff_wording import waiting
from pathline_gateway.pathways import repository as pathway_repository
from pathline_gateway.pull.endpoints import PathwaySearch, PullRequest
from pathline_gateway.pull.otlp_trace import TraceKey, journey_trace
from pathline_gateway.pull.paging import After, RequestedPage, cursor
from pathline_gateway.pull.pathway_reader import PathwayReading, read_page
from pathline_gateway.pull.reader_view import View
from pathline_gateway.pull.restricted import RestrictedReader
from pathline_gateway.pull.unrestricted import OPERATOR, open_key
from pathline_gateway.visibility.uncomputable import computing
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page

STATIC = StaticFiles(directory=Path(__file__).parents[1] / "web" / "static")


def routes(pool: asyncpg.Pool, secret: bytes, readers: RestrictedReader, clock: Callable[[], datetime]) -> APIRouter:
    """`/console/pathways/{id}`, `/console/pathways/{id}/trace`, and the search form."""
    router = APIRouter(include_in_schema=False)

    @router.post("/console/pathways")
    async def search(request: Request, caller: CurrentCaller) -> Response:
        """Finds a person's pathway; the subject travels in the body."""
        wanted = await _searched(request)
        found = None if wanted is None else await _found(wanted, caller)
        return page("missing.html", 404) if found is None else RedirectResponse(f"/console/pathways/{found}", 303)

    @router.get("/console/pathways/{pathway}")
    async def pathway(pathway: UUID, caller: CurrentCaller, after: After = None) -> Response:
        """Where has this person been, and what does she wait for?"""
        found = await _read(pathway, caller, "pathway", RequestedPage(after))
        if isinstance(found, Response):
            return found
        waits = waiting(found.handoffs if isinstance(found, View) else found.bodies(), clock())
        drawing = pathway_drawing.draw(found.assembled, waits, clock())
        return page(
            "pathway.html",
            pathway=pathway,
            found=found.assembled,
            drawing=drawing,
            waits=waits,
            first=after is None,
            following=_following(found),
        )

    @router.get("/console/pathways/{pathway}/trace")
    async def trace(pathway: UUID, caller: CurrentCaller, after: After = None) -> Response:
        """The journey, as a trace."""
        found = await _read(pathway, caller, "trace", RequestedPage(after))
        if isinstance(found, Response):
            return found
        if isinstance(found, View):
            otlp = found.trace()
        else:
            otlp = journey_trace(found.assembled, TraceKey(secret, OPERATOR, str(pathway), found.version))
        return page("trace.html", pathway=pathway, fall=trace_drawing.waterfall(otlp), following=_following(found))

    async def _found(wanted: PathwaySearch, caller: Caller) -> UUID | None:
        if not caller.open:
            try:
                return await readers.search(PullRequest(caller), wanted.org, wanted.subject)
            except Problem:
                return None
        async with pool.acquire() as connection:
            return await pathway_repository.pathway_of(connection, wanted.org, wanted.subject)

    async def _read(pathway: UUID, caller: Caller, what: What, part: RequestedPage) -> View | PathwayReading | Response:
        """What this caller sees of it, of one moment, and logged where callers are told apart."""
        found: View | PathwayReading | UUID | None
        if caller.open:
            found = await _open(pathway, part)
        else:
            found = await readers.shown(PullRequest(caller), pathway, what, part)
        if found is None:
            return page("missing.html", 404)
        if isinstance(found, UUID):
            below = "/trace" if what == "trace" else ""
            return RedirectResponse(f"/console/pathways/{found}{below}", 308)
        return found

    async def _open(pathway: UUID, part: RequestedPage) -> PathwayReading | UUID | None:
        asked = part.read(open_key(secret))
        try:
            async with pool.acquire() as connection:
                with computing():
                    return await read_page(connection, pathway, clock(), asked)
        except Problem as problem:
            if problem.status != 404:
                raise
            return None

    def _following(found: View | PathwayReading) -> str | None:
        """How the next page is asked for, where there is one."""
        if isinstance(found, View):
            return found.next
        return None if found.next is None else cursor(open_key(secret), found.next)

    return router


async def _searched(request: Request) -> PathwaySearch | None:
    try:
        return PathwaySearch.model_validate(await forms.sent(request))
    except ValidationError:
        return None
