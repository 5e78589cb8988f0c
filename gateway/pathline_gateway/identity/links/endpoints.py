"""`/v1/identity/tokens`, `…/links` and `…/retractions`: a person says herself where she is known, and takes it back."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary.shapes import Ref
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Citizen, Publisher
from pathline_gateway.identity.links.schemas import GivenToken, MadeLink, TakenBack
from pathline_gateway.identity.links.service import Linking, no_such_link
from pathline_gateway.identity.links.token_repository import TokenLink
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.reserved_names import ACCOUNT, CITIZENS
from pathline_gateway.web.openapi_responses import answers
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem

_PREFIX = "token-"


class Show(BaseModel):
    """The tokens that a person carries: of two records; or of one, which her own account completes."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"tokens": ["the-token-of-one", "the-token-of-the-other"]}]},
    )

    tokens: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100, pattern=STORABLE)]], Field(min_length=1, max_length=2)
    ]
    """The tokens, as they were shown to her."""


class Retract(BaseModel):
    """A link to take back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    source: Annotated[str, Field(max_length=200, pattern=STORABLE)]
    """The source of the link, as it was answered when it was made."""
    id: Annotated[str, Field(max_length=200, pattern=STORABLE)]
    """Its id."""


def routes(pool: asyncpg.Pool, linking: Linking, register_unknown: bool) -> APIRouter:
    """`POST /v1/identity/tokens`, `POST /v1/identity/links` and `GET …/{link}`, `POST /v1/identity/retractions`."""
    router = APIRouter(tags=["identity"])

    @router.post(
        "/v1/identity/tokens",
        status_code=201,
        summary="A token for a person to carry",
        response_model=None,
        responses=answers(GivenToken, {201: "Shown once"}),
    )
    async def token(caller: Publisher, wanted: Ref, response: Response) -> dict[str, str]:
        """By the organisation that knows her, or by her own account. Shown once, good once, and not for long."""
        if not _is_of(caller, wanted):
            raise Problem(403, "not-your-subject", "tokens are issued by the organisation whose subject it is")
        if not register_unknown:
            await _registered(pool, wanted.org)
        made, expires = await linking.issue(wanted.org, wanted.subject)
        response.headers["cache-control"] = "no-store"
        return {"token": made, "expires_at": instant.serve(expires)}

    @router.post(
        "/v1/identity/links",
        status_code=201,
        summary="Link by tokens",
        response_model=None,
        responses=answers(MadeLink, {201: "It is bound, or waits for a reviewer", 202: "It is on its way: look"}),
    )
    async def link(caller: Citizen, wanted: Show, request: Request, response: Response) -> dict[str, Any]:
        """201 when it is bound, or waits for a reviewer; 202 when it will be: `look` says how far it has come.

        Tokens that are unknown, expired, used, or of one record get one and the same 404.
        """
        if len(wanted.tokens) == 1 and caller.account is None:
            raise Problem(422, "invalid-request", "tokens: send two, or sign in to the account that completes the one")
        made = await linking.link(wanted.tokens, caller.account, _name(caller, request))
        response.status_code = 201 if made.seen else 202
        return _served(made)

    @router.get(
        "/v1/identity/links/{link}",
        summary="How far a link by tokens has come",
        response_model=None,
        responses=answers(MadeLink, "How far it has come"),
    )
    async def look(
        caller: Citizen, link: Annotated[UUID, Path(description="The link's id: the last part of `look`")]
    ) -> dict[str, Any]:
        """`on-its-way`, `bound`, `in-review`, `retracted`; or `interrupted`: show the same tokens again."""
        return _served(_of_caller(caller, await linking.read(link)))

    @router.post(
        "/v1/identity/retractions",
        status_code=201,
        summary="Take a link by tokens back",
        response_model=None,
        responses=answers(TakenBack, {201: "Membership follows it", 202: "Membership will follow it"}),
    )
    async def retract(caller: Citizen, wanted: Retract, response: Response) -> dict[str, Any]:
        """By who made it. 201 when membership follows it, 202 when it will. Once or twice is the same."""
        made = _of_caller(caller, await linking.read(_number(wanted)))
        id, bound = await linking.unlink(made.id)
        response.status_code = 201 if bound else 202
        return {"evidence": {"source": ACCOUNT, "id": id}, "bound": bound}

    return router


def _is_of(caller: Caller, ref: Ref) -> bool:
    """By its role, and not by what its token names besides."""
    return caller.publishes_for(ref.org) or (ref.org == CITIZENS and caller.is_person(ref.subject))


async def _registered(pool: asyncpg.Pool, org: str) -> None:
    async with pool.acquire() as connection:
        if not await organisation_repository.known_organisations(connection, [org]):
            raise Problem(422, "unknown-organisation", "org: is not on the register: ask the operator to enter it")


def _name(caller: Caller, request: Request) -> str:
    """Under what attempts are counted: who it is, or from where. It is hashed before it is kept."""
    if caller.account is not None:
        return f"account {caller.account}"
    return f"org {caller.org}" if caller.org else f"address {request.client.host if request.client else ''}"


def _of_caller(caller: Caller, made: TokenLink) -> TokenLink:
    if not caller.open and (made.account is None or made.account != caller.account):
        raise no_such_link()
    return made


def _number(wanted: Retract) -> UUID:
    if wanted.source == ACCOUNT and wanted.id.startswith(_PREFIX):
        try:
            return UUID(wanted.id.removeprefix(_PREFIX))
        except ValueError:
            pass
    raise no_such_link()


def _served(made: TokenLink) -> dict[str, Any]:
    evidence = {"source": ACCOUNT, "id": made.event}
    return {"evidence": evidence, "state": _state(made), "look": f"/v1/identity/links/{made.id}"}


def _state(made: TokenLink) -> str:
    if made.retracted_at is not None:
        return "retracted"
    if made.published_at is None:
        return "interrupted"
    if not made.seen:
        return "on-its-way"
    return "in-review" if made.waits not in (None, "bridge") else "bound"
