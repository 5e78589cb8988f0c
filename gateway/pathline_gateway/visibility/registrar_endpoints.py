"""`/v1/registrars`: which organisations may register mandates that count without the person's own word."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import asyncpg
from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.visibility import registrar_repository
from pathline_gateway.visibility.registrar_schemas import Registrars
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem


class RegistrarEntry(BaseModel):
    """An organisation that registers mandates, as an operator enters it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Annotated[Code, Field(max_length=64)]
    """Whose mandates count, such as a guardianship office."""


router = APIRouter(tags=["registrars"])


@router.get(
    "/v1/registrars",
    summary="List who registers mandates",
    response_model=None,
    responses=response_docs(Registrars, "By code"),
)
async def list_registrars(
    pool: RequestPool,
    _: Operator,
    after: Annotated[str, Query(max_length=64, pattern=STORABLE, description=AFTER_DESCRIPTION)] = "",
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """By code. `next` is the `after` of the next page."""
    async with read_transaction(pool) as connection:
        registrars = await registrar_repository.list_registrars(connection, after, limit)
    rendered = [asdict(each) | {"entered_at": instant.to_text(each.entered_at)} for each in registrars]
    return {"registrars": rendered, "next": registrars[-1].org if len(registrars) == limit else None}


@router.post(
    "/v1/registrars",
    summary="Let an organisation register mandates",
    status_code=201,
    response_model=None,
    responses=response_docs(RegistrarEntry, {201: "Its mandates count from now on", 200: "They did before"}),
)
async def add_registrar(
    pool: RequestPool, operator: Operator, entry: RegistrarEntry, response: Response
) -> dict[str, Any]:
    """201 when its mandates did not count before, 200 when they did. What it gave before counts, too."""
    try:
        async with write_transaction(pool, operator) as connection:
            new = await registrar_repository.add(connection, entry.org, operator)
    except asyncpg.ForeignKeyViolationError:
        raise Problem(422, "unknown-organisation", NOT_REGISTERED) from None
    response.status_code = 201 if new else 200
    return entry.model_dump()


@router.delete("/v1/registrars/{org}", summary="Let an organisation register mandates no longer", status_code=204)
async def remove_registrar(
    pool: RequestPool, operator: Operator, org: Annotated[str, Path(max_length=64, description="Which organisation")]
) -> None:
    """Its mandates are proposals from now on, those that it gave before, too."""
    async with write_transaction(pool, operator) as connection:
        if not await registrar_repository.remove(connection, org):
            raise Problem(404, "no-such-registrar", "it was not registered to register mandates")


NOT_REGISTERED = "the organisation must be on the register: enter it first"
