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

from pathline_gateway import form
from pathline_gateway.console import lanes
from pathline_gateway.console import waterfall as falls
from pathline_gateway.console.page import page
from pathline_gateway.console.waiting import waiting
from pathline_gateway.measure.journey_trace import TraceKey, journey_trace
from pathline_gateway.problem import Problem
from pathline_gateway.pull.computing import computing
from pathline_gateway.pull.limited import Limited
from pathline_gateway.pull.paging import After, Part, cursor
from pathline_gateway.pull.pathways import OPERATOR, Asked, Reading, Search, open_key, read_page
from pathline_gateway.pull.view import View
from pathline_gateway.store import pathways
from pathline_gateway.trust.access_log import What
from pathline_gateway.trust.caller import Caller
from pathline_gateway.trust.who import Calling

STATIC = StaticFiles(directory=Path(__file__).parent / "static")


def routes(pool: asyncpg.Pool, secret: bytes, readers: Limited, clock: Callable[[], datetime]) -> APIRouter:
    """`/console/pathways/{id}`, `/console/pathways/{id}/trace`, and the search form."""
    router = APIRouter(include_in_schema=False)

    @router.post("/console/pathways")
    async def search(request: Request, caller: Calling) -> Response:
        """Finds a person's pathway; the subject travels in the body."""
        wanted = await _searched(request)
        found = None if wanted is None else await _found(wanted, caller)
        return page("missing.html", 404) if found is None else RedirectResponse(f"/console/pathways/{found}", 303)

    @router.get("/console/pathways/{pathway}")
    async def pathway(pathway: UUID, caller: Calling, after: After = None) -> Response:
        """Where has this person been, and what does she wait for?"""
        found = await _read(pathway, caller, "pathway", Part(after))
        if isinstance(found, Response):
            return found
        waits = waiting(found.handoffs if isinstance(found, View) else found.bodies(), clock())
        drawing = lanes.draw(found.assembled, waits, clock())
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
    async def trace(pathway: UUID, caller: Calling, after: After = None) -> Response:
        """The journey, as a trace."""
        found = await _read(pathway, caller, "trace", Part(after))
        if isinstance(found, Response):
            return found
        if isinstance(found, View):
            otlp = found.trace()
        else:
            otlp = journey_trace(found.assembled, TraceKey(secret, OPERATOR, str(pathway), found.version))
        return page("trace.html", pathway=pathway, fall=falls.waterfall(otlp), following=_following(found))

    async def _found(wanted: Search, caller: Caller) -> UUID | None:
        if not caller.open:
            try:
                return await readers.search(Asked(caller), wanted.org, wanted.subject)
            except Problem:
                return None
        async with pool.acquire() as connection:
            return await pathways.pathway_of(connection, wanted.org, wanted.subject)

    async def _read(pathway: UUID, caller: Caller, what: What, part: Part) -> View | Reading | Response:
        """What this caller sees of it, of one moment, and logged where callers are told apart."""
        found: View | Reading | UUID | None
        if caller.open:
            found = await _open(pathway, part)
        else:
            found = await readers.shown(Asked(caller), pathway, what, part)
        if found is None:
            return page("missing.html", 404)
        if isinstance(found, UUID):
            below = "/trace" if what == "trace" else ""
            return RedirectResponse(f"/console/pathways/{found}{below}", 308)
        return found

    async def _open(pathway: UUID, part: Part) -> Reading | UUID | None:
        asked = part.read(open_key(secret))
        try:
            async with pool.acquire() as connection:
                with computing():
                    return await read_page(connection, pathway, clock(), asked)
        except Problem as problem:
            if problem.status != 404:
                raise
            return None

    def _following(found: View | Reading) -> str | None:
        """How the next page is asked for, where there is one."""
        if isinstance(found, View):
            return found.next
        return None if found.next is None else cursor(open_key(secret), found.next)

    return router


async def _searched(request: Request) -> Search | None:
    try:
        return Search.model_validate(await form.sent(request))
    except ValidationError:
        return None
