"""`/v1/lawful-bases`: what organisations may be shown without consent, and under which instrument."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary import Code, Instant
from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.dependencies import Operator
from pathline_gateway.concealment.endpoints import unknown_organisation
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.visibility import lawful_basis_repository
from pathline_gateway.visibility.lawful_basis import LawfulBasis
from pathline_gateway.visibility.lawful_basis_schemas import EnteredBasis, LawfulBases
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.list_parameters import AfterId, ListLimit
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem


class LawfulBasisEntry(BaseModel):
    """A basis, as an operator enters it."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reader: Code
    """The organisation that may be shown something."""
    basis: Literal["law", "serious-threat", "mandate"]
    """What kind of basis it is."""
    instrument: Annotated[str, Field(min_length=1, max_length=2000, pattern=STORABLE)]
    """The law, order or mandate, in the words that the reader must name it by."""
    purpose: Code
    """The one purpose that it is for."""
    holders: list[Code] = []
    """Who may show; everybody when empty."""
    nouns: Annotated[list[Code], Field(min_length=1)]
    """Which interactions."""
    until: Instant | None = None
    """When it ends by itself."""


router = APIRouter(tags=["lawful bases"])


@router.get(
    "/v1/lawful-bases",
    summary="List lawful bases",
    response_model=None,
    responses=response_docs(LawfulBases, "As they were entered"),
)
async def list_bases(
    pool: RequestPool,
    _: Operator,
    after: AfterId = 0,
    limit: ListLimit = 100,
) -> dict[str, Any]:
    """In the order of their entry, ended ones too; `next` is the `after` of the next page."""
    async with read_transaction(pool) as connection:
        bases = await lawful_basis_repository.list_bases(connection, after, limit)
    rendered = [_render_basis(each) for each in bases]
    return {"lawful_bases": rendered, "next": bases[-1].id if len(bases) == limit else None}


@router.post("/v1/lawful-bases", summary="Enter a lawful basis", status_code=201, response_model=EnteredBasis)
async def enter_basis(pool: RequestPool, operator: Operator, entry: LawfulBasisEntry) -> dict[str, int]:
    """The reader may rely on it from now on, where it names purpose, basis and instrument as they stand here."""
    async with write_transaction(pool, operator) as connection:
        if not await organisation_repository.known_organisations(connection, {entry.reader}):
            raise unknown_organisation()
        fields = entry.model_dump() | {"holders": tuple(entry.holders), "nouns": tuple(entry.nouns)}
        return {"id": await lawful_basis_repository.insert_basis(connection, LawfulBasis(**fields), operator)}


@router.post("/v1/lawful-bases/{number}/end", summary="End a lawful basis", status_code=204)
async def end_basis(
    pool: RequestPool,
    operator: Operator,
    number: Annotated[int, Path(ge=1, le=2**63 - 1, description="The number of the basis")],
) -> None:
    """Nobody may rely on it any more. It stays in the list."""
    async with write_transaction(pool, operator) as connection:
        if not await lawful_basis_repository.end_basis(connection, number):
            raise Problem(404, "no-such-basis", "there is no lawful basis of this number that has not ended")


def _render_basis(each: lawful_basis_repository.RegisteredBasis) -> dict[str, Any]:
    basis = each.basis
    return {
        "id": each.id,
        "reader": basis.reader,
        "basis": basis.basis,
        "instrument": basis.instrument,
        "purpose": basis.purpose,
        "holders": basis.holders,
        "nouns": basis.nouns,
        "until": None if basis.until is None else instant.to_text(basis.until),
        "entered_by": each.entered_by,
        "entered_at": instant.to_text(each.entered_at),
    }
