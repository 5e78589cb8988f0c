"""`/v1/register/changes`: what was entered on a register, changed and taken away, by whom and when."""

from __future__ import annotations

from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Query

from pathline import instant
from pathline_gateway.access_log.request_row import reading
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations.schemas import Changes
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers
from pathline_gateway.web.query_parameters import AllKnown

_MOST = 1_000


def routes(pool: asyncpg.Pool) -> APIRouter:
    """`GET /v1/register/changes`."""
    router = APIRouter(tags=["register"])

    @router.get(
        "/v1/register/changes",
        summary="List what was changed on the register",
        response_model=None,
        dependencies=[AllKnown],
        responses=answers(Changes, "In the order of their coming"),
    )
    async def listed(
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description=AFTER)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST, description=LIMIT)] = 100,
    ) -> dict[str, Any]:
        """Organisations, linkers, lawful bases and concealment; which persons are concealed is not told."""
        async with reading(pool) as connection:
            found = await change_repository.listed(connection, after, limit)
        served = [each._asdict() | {"at": instant.serve(each.at)} for each in found]
        return {"changes": served, "next": found[-1].id if len(found) == limit else None}

    return router
