"""`/v1/linkers`: which organisation may say who is who at which others."""

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
from pathline_gateway.identity.links import linker_repository
from pathline_gateway.identity.links.linker_schemas import Linkers
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import CODES, STORABLE
from pathline_gateway.web.problem import Problem

Org = Annotated[Code, Field(max_length=64)]


class LinkerEntry(BaseModel):
    """A right to link, as an operator enters it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Org
    """The organisation that links."""
    of: Org
    """The organisation whose subjects it may link. A link binds when it may link both sides."""


router = APIRouter(tags=["linkers"])


@router.get(
    "/v1/linkers",
    summary="List who may link whom",
    response_model=None,
    responses=response_docs(Linkers, "By code"),
)
async def list_linkers(
    pool: RequestPool,
    _: Operator,
    org: Annotated[str | None, Query(max_length=64, pattern=CODES, description="Who links, or is linked")] = None,
    after: Annotated[str, Query(max_length=129, pattern=STORABLE, description=AFTER_DESCRIPTION)] = "",
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """By the code of who links; of one organisation or all. `next` is the `after` of the next page."""
    start, _slash, of = after.partition("/")
    async with read_transaction(pool) as connection:
        linkers = await linker_repository.list_linkers(connection, (start, of), org, limit)
    next_cursor = f"{linkers[-1].org}/{linkers[-1].of_org}" if len(linkers) == limit else None
    return {"linkers": [_render_linker(each) for each in linkers], "next": next_cursor}


@router.post(
    "/v1/linkers",
    summary="Let an organisation link",
    status_code=201,
    response_model=None,
    responses=response_docs(LinkerEntry, {201: "It may from now on", 200: "It could before"}),
)
async def add_linker(pool: RequestPool, operator: Operator, entry: LinkerEntry, response: Response) -> dict[str, Any]:
    """201 when it could not before, 200 when it could. It holds for links that come from now on."""
    try:
        async with write_transaction(pool, operator) as connection:
            new = await linker_repository.add(connection, entry.org, entry.of, operator)
    except asyncpg.ForeignKeyViolationError:
        raise Problem(422, "unknown-organisation", NOT_REGISTERED) from None
    response.status_code = 201 if new else 200
    return entry.model_dump()


@router.delete("/v1/linkers/{org}/{of}", summary="Let an organisation link no longer", status_code=204)
async def remove_linker(
    pool: RequestPool,
    operator: Operator,
    org: Annotated[str, Path(max_length=64, description="Who links")],
    of: Annotated[str, Path(max_length=64, description="Whose subjects")],
) -> None:
    """It holds for links that come from now on: what was linked stays until it is retracted or decided."""
    async with write_transaction(pool, operator) as connection:
        if not await linker_repository.remove(connection, org, of):
            raise Problem(404, "no-such-linker", "it was not registered as a linker of this organisation")


NOT_REGISTERED = "both organisations must be on the register: enter them first"


def _render_linker(linker: linker_repository.Linker) -> dict[str, Any]:
    fields = asdict(linker) | {"entered_at": instant.to_text(linker.entered_at)}
    return {"of" if name == "of_org" else name: value for name, value in fields.items()}
