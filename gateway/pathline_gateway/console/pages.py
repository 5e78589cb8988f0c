"""`/console`: the pages and what they read. They are plain HTML; the script only keeps the counts fresh."""

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
from pathline_gateway.console.now import state
from pathline_gateway.console.overdue import overdue
from pathline_gateway.console.page import page
from pathline_gateway.measure.journey_trace import TraceKey, journey_trace
from pathline_gateway.problem import Problem
from pathline_gateway.pull.pathways import OPERATOR, Reading, Search, read
from pathline_gateway.pull.status import Statuses
from pathline_gateway.store import handoffs, pathways, register
from pathline_gateway.store.recent import recent

STATIC = StaticFiles(directory=Path(__file__).parent / "static")

_OFFERS = 500
"""Most open offers that are looked at for the front page."""
_LISTED = 12
_LATE = 25


def routes(
    pool: asyncpg.Pool, secret: bytes, statuses: Statuses, ready: Callable[[], bool], clock: Callable[[], datetime]
) -> APIRouter:
    """`/console`, `/console/pathways/{id}`, `/console/pathways/{id}/trace`, and the search form."""
    router = APIRouter(include_in_schema=False)

    @router.get("/console")
    async def now() -> Response:
        """Is everything flowing?"""
        status = await statuses.read()
        async with pool.acquire() as connection:
            offers = await handoffs.unanswered(connection, _OFFERS)
            publishers = await register.publishers(connection)
            latest = await recent(connection, _LISTED)
        late = overdue(offers, publishers, clock())
        kind, sentence = state(status, ready(), len(late))
        return page(
            "now.html", status=status, kind=kind, sentence=sentence, overdue=late[:_LATE], late=len(late), recent=latest
        )

    @router.post("/console/pathways")
    async def search(request: Request) -> Response:
        """Finds a person's pathway; the subject travels in the body."""
        wanted = await _searched(request)
        found = None
        if wanted is not None:
            async with pool.acquire() as connection:
                found = await pathways.pathway_of(connection, wanted.org, wanted.subject)
        if found is None:
            return page("missing.html", 404)
        return RedirectResponse(f"/console/pathways/{found}", 303)

    @router.get("/console/pathways/{pathway}")
    async def pathway(pathway: UUID) -> Response:
        """Where has this person been, and what does she wait for?"""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            found = await _read(connection, pathway)
            if not isinstance(found, Reading):
                return found
            answered = await handoffs.answered(connection, lanes.handoffs_offered(found.assembled))
        drawing = lanes.draw(found.assembled, answered, clock())
        return page("pathway.html", pathway=pathway, found=found, drawing=drawing)

    @router.get("/console/pathways/{pathway}/trace")
    async def trace(pathway: UUID) -> Response:
        """The journey, as a trace."""
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            found = await _read(connection, pathway, "/trace")
        if not isinstance(found, Reading):
            return found
        otlp = journey_trace(found.assembled, TraceKey(secret, OPERATOR, str(pathway), found.version))
        return page("trace.html", pathway=pathway, fall=falls.waterfall(otlp))

    return router


async def _read(connection: asyncpg.Connection, pathway: UUID, below: str = "") -> Reading | Response:
    try:
        found = await read(connection, pathway)
    except Problem:
        return page("missing.html", 404)
    if isinstance(found, UUID):
        return RedirectResponse(f"/console/pathways/{found}{below}", 308)
    return found


async def _searched(request: Request) -> Search | None:
    try:
        return Search.model_validate(await form.sent(request))
    except ValidationError:
        return None
