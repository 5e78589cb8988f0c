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
from pathline_gateway.access_log.request_row import read_transaction, write_transaction
from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.auth.dependencies import Operator, OrganisationOrOperator
from pathline_gateway.auth.middleware import actor_label
from pathline_gateway.concealment import repository as concealment_repository
from pathline_gateway.concealment.schemas import ConcealedPlaces, LiftRequested
from pathline_gateway.organisations import change_repository
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.web.context import RequestPool
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.problem import Problem

_YEAR: Final = timedelta(days=366)
_MAX_CHANGES: Final = 200
_APPROVERS: Final = "another operator, or the organisation itself, within a day"
_WAITING_BODY: Final = orjson.dumps({"state": "waiting", "needs": _APPROVERS})


class ConcealmentTarget(BaseModel):
    """An organisation, or one service of it, or one person whom it knows."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    org: Code
    """The organisation's code."""
    service: Code | None = None
    """Only this service."""
    subject: Subject | None = None
    """Only this person, as the organisation knows her."""

    @model_validator(mode="after")
    def _check_one_target(self) -> Self:
        if self.service is not None and self.subject is not None:
            raise ValueError("give a service or a subject, not both")
        return self


router = APIRouter(tags=["concealed"])


@router.get(
    "/v1/concealed",
    summary="List what is concealed",
    response_model=None,
    responses=response_docs(ConcealedPlaces, "By code"),
)
async def list_concealed(pool: RequestPool, caller: OrganisationOrOperator) -> dict[str, Any]:
    """Organisations and services; an organisation is told of its own, and what became of it in the last year.

    Which persons are is told to nobody else.
    """
    own_org = _own_org(caller)
    async with read_transaction(pool) as connection:
        concealed_places = await concealment_repository.list_concealed(connection, own_org)
        pending_lifts = await concealment_repository.pending_lifts(connection, own_org)
        since = datetime.now(UTC) - _YEAR
        changes = (
            []
            if own_org is None
            else await change_repository.list_concealment_changes(connection, own_org, since, _MAX_CHANGES)
        )
    return {
        "concealed": [{"org": org, "service": service} for org, service in concealed_places],
        "waiting": [each._asdict() | {"asked_at": instant.to_text(each.asked_at)} for each in pending_lifts],
        "changes": [each._asdict() | {"at": instant.to_text(each.at)} for each in changes],
    }


@router.post("/v1/concealed", summary="Conceal", status_code=204)
async def conceal(pool: RequestPool, operator: Operator, target: ConcealmentTarget) -> None:
    """From now on it is there for its own organisation alone."""
    async with write_transaction(pool, operator) as connection:
        await _require_registered(connection, target.org)
        await concealment_repository.conceal(connection, target.org, target.service, target.subject, operator)


@router.post(
    "/v1/concealed/lifted",
    summary="Conceal no longer",
    status_code=204,
    response_model=None,
    responses={202: {"model": LiftRequested, "description": "Another has to agree within a day"}},
)
async def lift_concealment(pool: RequestPool, caller: OrganisationOrOperator, target: ConcealmentTarget) -> Response:
    """204: it is seen as anything else is. 202: another operator, or the organisation, has to ask the same.

    An organisation lifts what is its own by itself. The organisation reads who asked, and when, in `changes`.
    """
    actor, own_org = actor_label(caller), _own_org(caller)
    if own_org is not None and own_org != target.org:
        raise Problem(403, "not-your-organisation", "org: must be the organisation of your token")
    async with write_transaction(pool, actor) as connection:
        await _require_registered(connection, target.org)
        first_requester = None
        if not (caller.auth_disabled or own_org is not None):
            first_requester = await concealment_repository.lift_requested_by(
                connection, target.org, target.service, target.subject
            )
            if caller.actor_id is None:  # nobody can tell her from the other
                return Response(_WAITING_BODY, 202, media_type="application/json")
            if first_requester in (None, actor):
                await concealment_repository.request_lift(connection, target.org, target.service, target.subject, actor)
                return Response(_WAITING_BODY, 202, media_type="application/json")
        await concealment_repository.lift(connection, target.org, target.service, target.subject)
    return Response(status_code=204)


def _own_org(caller: Caller) -> str | None:
    """The organisation that the caller speaks for; None for an operator."""
    return None if caller.auth_disabled or caller.has_any_role(Role.OPERATOR) else caller.org


async def _require_registered(connection: asyncpg.Connection, org: str) -> None:
    if not await organisation_repository.known_organisations(connection, {org}):
        raise unknown_organisation()


def unknown_organisation() -> Problem:
    """It must be entered first."""
    return Problem(422, "unknown-organisation", "the organisation is not on the register: enter it first")
