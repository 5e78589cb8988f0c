"""`/v1/set-aside`: what background works could not compute, and another try after a mending."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

import asyncpg
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.set_aside import repository, schemas
from pathline_gateway.set_aside.repository import SetAside
from pathline_gateway.web.openapi_responses import AFTER, LIMIT, answers
from pathline_gateway.web.patterns import CODES

_BIGGEST: Final = 2**63 - 1
_MOST: Final = 1_000
_TOLD: Final = tuple(schemas.SetAsideItem.model_fields)

Name = Annotated[str, Field(max_length=64, pattern=CODES)]


class RetryRequest(BaseModel):
    """What to try again: some by id, all of one work, or all."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra={"examples": [{"work": "hand-offs"}]}
    )

    ids: Annotated[list[Annotated[int, Field(ge=1, le=_BIGGEST)]], Field(min_length=1, max_length=_MOST)] | None = None
    """Items by id."""
    work: Name | None = None
    """Those of this work."""


class _Listed(BaseModel):
    """Which items to list."""

    model_config = ConfigDict(extra="forbid")

    work: Annotated[Name | None, Query(description="Those of this work, as `/v1/status` names it")] = None
    after: Annotated[int, Query(ge=0, le=_BIGGEST, description=AFTER)] = 0
    limit: Annotated[int, Query(ge=1, le=_MOST, description=LIMIT)] = 100


def routes(pool: asyncpg.Pool) -> APIRouter:
    """`GET /v1/set-aside` and `POST /v1/set-aside/retry`."""
    router = APIRouter(tags=["set aside"])

    @router.get(
        "/v1/set-aside",
        summary="List what background works could not compute",
        response_model=None,
        responses=answers(schemas.SetAsideItems, "In the order in which it was set aside"),
    )
    async def listed(_: Operator, wanted: Annotated[_Listed, Query()]) -> dict[str, Any]:
        """In the order in which it was set aside; `next` is the `after` of the next page."""
        async with pool.acquire() as connection:
            found = await repository.page(connection, wanted.work, wanted.after, wanted.limit)
        following = found[-1].id if len(found) == wanted.limit else None
        return {"items": [_served(each) for each in found], "next": following}

    @router.post(
        "/v1/set-aside/retry",
        summary="Try again what was set aside",
        response_model=None,
        responses=answers(schemas.RetriedItems, "How many are tried again"),
    )
    async def retry(_: Operator, wanted: RetryRequest) -> dict[str, int]:
        """The works try them within a second. What fails again stays; what does not is gone from the list."""
        async with pool.acquire() as connection:
            return {"retried": await repository.retry(connection, wanted.work, wanted.ids)}

    return router


def _served(item: SetAside) -> dict[str, Any]:
    said = {name: getattr(item, name) for name in _TOLD}
    return {name: instant.serve(value) if isinstance(value, datetime) else value for name, value in said.items()}
