"""`/desk/spreadsheet`: the rows of a file, made into events by the browser, so that no client's number leaves it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.desk.publisher import source
from pathline_gateway.desk.session import worker
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem


def add(router: APIRouter, seat: DeskContext) -> None:
    """The page, and what its script sends."""

    @router.get("/desk/spreadsheet")
    async def ask(request: Request, asker: CurrentCaller) -> Response:
        """Which file, and which columns?"""
        who = worker(request, asker)
        return seat.page("spreadsheet.html", who, source=source(who.org))

    @router.post("/desk/spreadsheet")
    async def take(request: Request, asker: CurrentCaller) -> Response:
        """A batch of events of this organisation: a result for each, as `POST /v1/events` answers."""
        try:
            if not forms.is_ours(request):
                raise Problem(403, "foreign-form", "the rows were not sent by a page of this gateway")
            return await seat.publishing.batch(worker(request, asker).org, request)
        except Problem as problem:  # a script asks, and not a person
            return problem.response()
