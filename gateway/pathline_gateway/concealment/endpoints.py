"""`/v1/concealed`: which organisations, services and persons must not be known, for somebody's safety."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import asyncpg
import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, model_validator

from pathline import instant
from pathline.vocabulary import Code, Subject
from pathline_gateway.access_log.request_row import acting, reading
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import CurrentCaller, Operator
from pathline_gateway.auth.middleware import same_hands
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.organisations.schemas import ConcealedPlaces, LiftAsked
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.problem import Problem

_YEAR: Final = timedelta(days=366)
_MOST: Final = 200
_NEEDS: Final = "another operator, or the organisation itself, within a day"
_WAITS: Final = orjson.dumps({"state": "waiting", "needs": _NEEDS})


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
    async def listed(caller: CurrentCaller) -> dict[str, Any]:
        """Organisations and services; an organisation is told of its own, and what became of it in the last year.

        Which persons are is told to nobody else.
        """
        own = _own(caller)
        async with reading(pool) as connection:
            found = await concealment_repository.listed(connection, own)
            waits = await concealment_repository.waiting(connection, own)
            since = datetime.now(UTC) - _YEAR
            changes = [] if own is None else await change_repository.of_concealment(connection, own, since, _MOST)
        return {
            "concealed": [{"org": org, "service": service} for org, service in found],
            "waiting": [each._asdict() | {"asked_at": instant.serve(each.asked_at)} for each in waits],
            "changes": [each._asdict() | {"at": instant.serve(each.at)} for each in changes],
        }

    @router.post("/v1/concealed", summary="Conceal", status_code=204)
    async def conceal(who: Operator, what: Concealed) -> None:
        """From now on it is there for its own organisation alone."""
        async with acting(pool, who) as connection:
            await _known(connection, what.org)
            await concealment_repository.conceal(connection, what.org, what.service, what.subject, who)

    @router.post(
        "/v1/concealed/lifted",
        summary="Conceal no longer",
        status_code=204,
        response_model=None,
        responses={202: {"model": LiftAsked, "description": "Another has to agree within a day"}},
    )
    async def lift(caller: CurrentCaller, what: Concealed) -> Response:
        """204: it is seen as anything else is. 202: another operator, or the organisation, has to ask the same.

        An organisation lifts what is its own by itself. The organisation reads who asked, and when, in `changes`.
        """
        by, own = same_hands(caller), _own(caller)
        if own is not None and own != what.org:
            raise Problem(403, "not-your-organisation", "org: must be the organisation of your token")
        async with acting(pool, by) as connection:
            await _known(connection, what.org)
            asked = None
            if not (caller.open or own is not None):
                asked = await concealment_repository.asked_by(connection, what.org, what.service, what.subject)
                if caller.who is None:  # nobody can tell her from the other
                    return Response(_WAITS, 202, media_type="application/json")
                if asked in (None, by):
                    await concealment_repository.ask(connection, what.org, what.service, what.subject, by)
                    return Response(_WAITS, 202, media_type="application/json")
            await concealment_repository.lift(connection, what.org, what.service, what.subject)
        return Response(status_code=204)

    return router


def _own(caller: Caller) -> str | None:
    """The organisation that the caller speaks for; None for an operator."""
    return None if caller.open or caller.may_be(Role.OPERATOR) else caller.org


async def _known(connection: asyncpg.Connection, org: str) -> None:
    if not await organisation_repository.known_organisations(connection, {org}):
        raise unknown_organisation()


def unknown_organisation() -> Problem:
    """It must be entered first."""
    return Problem(422, "unknown-organisation", "the organisation is not on the register: enter it first")
