"""`/desk/spreadsheet`: the rows of a file, made into events by the browser, so that no client's number leaves it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.auth.dependencies import CurrentCaller
from pathline_gateway.desk.page_context import DeskContext
from pathline_gateway.desk.publisher import table_source
from pathline_gateway.desk.session import current_worker
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem


def add_routes(router: APIRouter, context: DeskContext) -> None:
    """The page, and what its script sends."""

    @router.get("/desk/spreadsheet")
    async def spreadsheet_page(request: Request, caller: CurrentCaller) -> Response:
        """Which file, and which columns?"""
        desk_worker = current_worker(request, caller)
        return context.render("spreadsheet.html", desk_worker, source=table_source(desk_worker.org))

    @router.post("/desk/spreadsheet")
    async def publish_rows(request: Request, caller: CurrentCaller) -> Response:
        """A batch of events of this organisation: a result for each, as `POST /v1/events` answers."""
        try:
            if not forms.is_same_origin(request):
                raise Problem(403, "foreign-form", "the rows were not sent by a page of this gateway")
            return await context.publisher.publish_batch(current_worker(request, caller).org, request)
        except Problem as problem:  # a script asks, and not a person
            return problem.to_response()
