"""`/v1/organisations`: the register of who may publish."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code
from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.organisations.schemas import Organisations
from pathline_gateway.reserved_names import is_reserved
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import AFTER_DESCRIPTION, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import CODES, STORABLE

Sector = Literal["government", "third-sector", "community-controlled", "business", "citizen"]


def _reject_reserved(name: str) -> str:
    if is_reserved(name):
        raise ValueError("is reserved: the gateway itself, people's accounts and the door's topics are called so")
    return name


class OrganisationEntry(BaseModel):
    """An organisation, as an operator enters it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Annotated[Code, Field(max_length=64), AfterValidator(_reject_reserved)]
    """Its code, as it stands in the sources of its events."""
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=STORABLE)] | None = None
    """Its name, for people."""
    sector: Sector | None = None
    """The sector that it belongs to."""
    abn: Annotated[str, Field(pattern=r"^[0-9]{11}$")] | None = None
    """Its Australian Business Number."""
    directory: dict[
        Annotated[str, Field(max_length=64, pattern=STORABLE)], Annotated[str, Field(max_length=200, pattern=STORABLE)]
    ] = {}
    """Its ids in directories of services, by directory."""


router = APIRouter(tags=["organisations"])


@router.get(
    "/v1/organisations",
    summary="List the register",
    response_model=None,
    responses=response_docs(Organisations, "By code"),
)
async def list_organisations(
    pool: RequestPool,
    _: Operator,
    after: Annotated[str, Query(max_length=64, pattern=CODES, description=AFTER_DESCRIPTION)] = "",
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """By code; `next` is the `after` of the next page."""
    async with read_transaction(pool) as connection:
        organisations = await organisation_repository.list_organisations(connection, after, limit)
    rendered = [asdict(each) | {"registered_at": instant.to_text(each.registered_at)} for each in organisations]
    return {"organisations": rendered, "next": organisations[-1].org if len(organisations) == limit else None}


@router.post(
    "/v1/organisations",
    summary="Enter an organisation",
    status_code=201,
    response_model=None,
    responses=response_docs(
        OrganisationEntry, {201: "It was not on the register", 200: "It was, and is now as it was sent"}
    ),
)
async def enter_organisation(
    pool: RequestPool, operator: Operator, entry: OrganisationEntry, response: Response
) -> dict[str, Any]:
    """201 when it was not on the register; 200 when it was, and this is what the register says of it now.

    What was parked because it was not there can then be replayed.
    """
    async with write_transaction(pool, operator) as connection:
        new = await organisation_repository.upsert_organisation(connection, **entry.model_dump())
    response.status_code = 201 if new else 200
    return entry.model_dump()
