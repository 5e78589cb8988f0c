"""`/v1/set-aside`: what background works could not compute, and another try after a mending."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.set_aside import repository, schemas
from pathline_gateway.set_aside.repository import SetAside
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import MAX_ID, MAX_LISTED, AfterId, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import CODES

_SERVED_FIELDS: Final = tuple(schemas.SetAsideItem.model_fields)

Name = Annotated[str, Field(max_length=64, pattern=CODES)]


class RetryRequest(BaseModel):
    """What to try again: some by id, all of one work, or all."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, json_schema_extra={"examples": [{"work": "hand-offs"}]}
    )

    ids: Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_LISTED)] | None = (
        None
    )
    """Items by id."""
    work: Name | None = None
    """Those of this work."""


class _Listed(BaseModel):
    """Which items to list."""

    model_config = ConfigDict(extra="forbid")

    work: Annotated[Name | None, Query(description="Those of this work, as `/v1/status` names it")] = None
    after: AfterId = 0
    limit: ListLimit = 100


router = APIRouter(tags=["set aside"])


@router.get(
    "/v1/set-aside",
    summary="List what background works could not compute",
    response_model=None,
    responses=response_docs(schemas.SetAsideItems, "In the order in which it was set aside"),
)
async def list_set_aside(pool: RequestPool, _: Operator, query: Annotated[_Listed, Query()]) -> dict[str, Any]:
    """In the order in which it was set aside; `next` is the `after` of the next page."""
    async with read_transaction(pool) as connection:
        items = await repository.page(connection, query.work, query.after, query.limit)
    next_cursor = items[-1].id if len(items) == query.limit else None
    return {"items": [_serialize(each) for each in items], "next": next_cursor}


@router.post(
    "/v1/set-aside/retry",
    summary="Try again what was set aside",
    response_model=None,
    responses=response_docs(schemas.RetriedItems, "How many are tried again"),
)
async def retry_set_aside(pool: RequestPool, operator: Operator, form: RetryRequest) -> dict[str, int]:
    """The works try them within a second. What fails again stays; what does not is gone from the list."""
    async with write_transaction(pool, operator) as connection:
        return {"retried": await repository.make_due(connection, form.work, form.ids)}


def _serialize(item: SetAside) -> dict[str, Any]:
    fields = {name: getattr(item, name) for name in _SERVED_FIELDS}
    return {name: instant.to_text(value) if isinstance(value, datetime) else value for name, value in fields.items()}
