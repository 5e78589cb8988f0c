"""`/console/set-aside`: which background works fail, what they have set aside, what to do; tried again with a form."""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Query, Response
from starlette.responses import RedirectResponse

from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.background.works import WORKS, Work
from pathline_gateway.set_aside import repository
from pathline_gateway.set_aside.repository import SetAside
from pathline_gateway.set_aside.summary import FailureSummary
from pathline_gateway.status.endpoints import GatewayStatuses
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

_MAX_LISTED: Final = 20
"""Items of a work that are listed; the command lists all."""


class _Section(NamedTuple):
    """One failing work."""

    work: Work
    fails: FailureSummary
    items: list[SetAside]


router = APIRouter(include_in_schema=False)


@router.get("/console/set-aside")
async def set_aside_page(
    pool: RequestPool, statuses: GatewayStatuses, _: Operator, retried: Annotated[int | None, Query(ge=0)] = None
) -> Response:
    """What fails, and what to do?"""
    async with read_transaction(pool) as connection:
        sections = [
            _Section(WORKS[each.work], each, await repository.page(connection, each.work, 0, _MAX_LISTED))
            for each in await statuses.failing(connection)
            if each.work in WORKS
        ]
    return render_page("set_aside.html", referrer="same-origin", sections=sections, retried=retried)


@router.post("/console/set-aside/retry")
async def retry_set_aside(pool: RequestPool, operator: Operator, form: OwnForm) -> Response:
    """Everything that one work has set aside is tried again."""
    work = form.get("work")
    if work not in WORKS:
        raise Problem(422, "invalid-request", "work: say which, as the page has it")
    async with write_transaction(pool, operator) as connection:
        n = await repository.make_due(connection, work)
    return RedirectResponse(f"/console/set-aside?retried={n}", 303)
