"""`/desk/spreadsheet`: the rows of a file, made into events by the browser, so that no client's number leaves it."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from pathline_gateway.auth.dependencies import DeskWriter
from pathline_gateway.desk.page_context import Desk
from pathline_gateway.desk.publisher import table_source
from pathline_gateway.desk.session import ReadingWorker, current_worker
from pathline_gateway.web.forms import require_own_page
from pathline_gateway.web.problem import Problem

router = APIRouter(include_in_schema=False)


@router.get("/desk/spreadsheet")
async def spreadsheet_page(context: Desk, desk_worker: ReadingWorker) -> Response:
    """Which file, and which columns?"""
    return context.render("spreadsheet.html", desk_worker, source=table_source(desk_worker.org))


@router.post("/desk/spreadsheet")
async def publish_rows(context: Desk, request: Request, caller: DeskWriter) -> Response:
    """A batch of events of this organisation: a result for each, as `POST /v1/events` answers."""
    try:
        require_own_page(request, "the rows were not sent by a page of this gateway")
        return await context.publisher.publish_batch(current_worker(request, caller).org, request)
    except Problem as problem:  # a script asks, and not a person
        return problem.to_response()
