"""`/v1/concealed`: which organisations, services and persons must not be known, for somebody's safety."""

from __future__ import annotations

from typing import Any, Self

import asyncpg
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, model_validator

from pathline.vocabulary import Code, Subject
from pathline_gateway.answers import answers
from pathline_gateway.operate.described import ConcealedPlaces
from pathline_gateway.problem import Problem
from pathline_gateway.store import concealed, register
from pathline_gateway.trust.who import Operator


class Concealed(BaseModel):
    """An organisation, or one service of it, or one person whom it knows."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Code
    """The organisation's code."""
    service: Code | None = None
    """Only this service."""
    subject: Subject | None = None
    """Only this person, as the organisation knows her."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.service is not None and self.subject is not None:
            raise ValueError("give a service or a subject, not both")
        return self


def routes(pool: asyncpg.Pool) -> APIRouter:
    """`GET` and `POST /v1/concealed`, and `POST /v1/concealed/lifted`."""
    router = APIRouter(tags=["concealed"])

    @router.get(
        "/v1/concealed",
        summary="List what is concealed",
        response_model=None,
        responses=answers(ConcealedPlaces, "By code"),
    )
    async def listed(_: Operator) -> dict[str, Any]:
        """Organisations and services. Which persons are is told to nobody."""
        async with pool.acquire() as connection:
            found = await concealed.listed(connection)
        return {"concealed": [{"org": org, "service": service} for org, service in found]}

    @router.post("/v1/concealed", summary="Conceal", status_code=204)
    async def conceal(who: Operator, what: Concealed) -> None:
        """From now on it is there for its own organisation alone."""
        async with pool.acquire() as connection:
            if not await register.known_organisations(connection, {what.org}):
                raise unknown_organisation()
            await concealed.conceal(connection, what.org, what.service, what.subject, who)

    @router.post("/v1/concealed/lifted", summary="Conceal no longer", status_code=204)
    async def lift(_: Operator, what: Concealed) -> None:
        """From now on it is seen as anything else is."""
        async with pool.acquire() as connection:
            await concealed.lift(connection, what.org, what.service, what.subject)

    return router


def unknown_organisation() -> Problem:
    """It must be entered first."""
    return Problem(422, "unknown-organisation", "the organisation is not on the register: enter it first")
