"""`/v1/register/changes`: what was entered on a register, changed and taken away, by whom and when."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from pathline import instant
from pathline_gateway.access_log.request_row import read_transaction
from pathline_gateway.auth.dependencies import Overseer
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations.schemas import RegisterChanges
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import AfterId, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.query_parameters import AllKnown

router = APIRouter(tags=["register"])


@router.get(
    "/v1/register/changes",
    summary="List what was changed on the register",
    response_model=None,
    dependencies=[AllKnown],
    responses=response_docs(RegisterChanges, "In the order of their coming"),
)
async def list_changes(
    pool: RequestPool,
    _: Overseer,
    after: AfterId = 0,
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """Organisations, linkers, lawful bases and concealment; which persons are concealed is not told."""
    async with read_transaction(pool) as connection:
        changes = await change_repository.list_changes(connection, after, limit)
    rendered = [each._asdict() | {"at": instant.to_text(each.at)} for each in changes]
    return {"changes": rendered, "next": changes[-1].id if len(changes) == limit else None}
