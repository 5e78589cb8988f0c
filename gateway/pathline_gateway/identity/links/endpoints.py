"""`/v1/identity/tokens`, `…/links` and `…/retractions`: a person says herself where she is known, and takes it back."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from pathline import instant
from pathline.vocabulary.shapes import Ref
from pathline_gateway.auth.caller import Caller
from pathline_gateway.auth.dependencies import Citizen, Publisher
from pathline_gateway.identity.links.schemas import LinkReceipt, RetractionReceipt, ServedToken
from pathline_gateway.identity.links.service import TokenLinkService, link_not_found
from pathline_gateway.identity.links.token_repository import TokenLink
from pathline_gateway.organisations import repository as organisation_repository
from pathline_gateway.reserved_names import ACCOUNT_SOURCE, CITIZEN_ORGANISATION
from pathline_gateway.web.context import RegisterUnknown, RequestPool, service
from pathline_gateway.web.openapi_responses import response_docs
from pathline_gateway.web.patterns import STORABLE
from pathline_gateway.web.problem import Problem

_PREFIX = "token-"


class TokenLinkForm(BaseModel):
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


class RetractionForm(BaseModel):
    """A link to take back."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    source: Annotated[str, Field(max_length=200, pattern=STORABLE)]
    """The source of the link, as it was answered when it was made."""
    id: Annotated[str, Field(max_length=200, pattern=STORABLE)]
    """Its id."""


LinkService = Annotated[TokenLinkService, Depends(service(TokenLinkService))]

router = APIRouter(tags=["identity"])


@router.post(
    "/v1/identity/tokens",
    status_code=201,
    summary="A token for a person to carry",
    response_model=None,
    responses=response_docs(ServedToken, {201: "Shown once"}),
)
async def issue_token(
    pool: RequestPool,
    linking: LinkService,
    register_unknown: RegisterUnknown,
    caller: Publisher,
    ref: Ref,
    response: Response,
) -> dict[str, str]:
    """By the organisation that knows her, or by her own account. Shown once, good once, and not for long."""
    if not _may_issue_for(caller, ref):
        raise Problem(403, "not-your-subject", "tokens are issued by the organisation whose subject it is")
    if not register_unknown:
        await _require_registered(pool, ref.org)
    token, expires_at = await linking.issue(ref.org, ref.subject)
    response.headers["cache-control"] = "no-store"
    return {"token": token, "expires_at": instant.to_text(expires_at)}


@router.post(
    "/v1/identity/links",
    status_code=201,
    summary="Link by tokens",
    response_model=None,
    responses=response_docs(LinkReceipt, {201: "It is bound, or waits for a reviewer", 202: "It is on its way: look"}),
)
async def link_by_tokens(
    linking: LinkService, caller: Citizen, body: TokenLinkForm, request: Request, response: Response
) -> dict[str, Any]:
    """201 when it is bound, or waits for a reviewer; 202 when it will be: `look` says how far it has come.

    Tokens that are unknown, expired, used, or of one record get one and the same 404.
    """
    if len(body.tokens) == 1 and caller.account is None:
        raise Problem(422, "invalid-request", "tokens: send two, or sign in to the account that completes the one")
    token_link = await linking.link(body.tokens, caller.account, _attempt_key(caller, request))
    response.status_code = 201 if token_link.is_bound else 202
    return _render_link(token_link)


@router.get(
    "/v1/identity/links/{link}",
    summary="How far a link by tokens has come",
    response_model=None,
    responses=response_docs(LinkReceipt, "How far it has come"),
)
async def get_link(
    linking: LinkService,
    caller: Citizen,
    link: Annotated[UUID, Path(description="The link's id: the last part of `look`")],
) -> dict[str, Any]:
    """`on-its-way`, `bound`, `in-review`, `retracted`; or `interrupted`: show the same tokens again."""
    return _render_link(_require_own_link(caller, await linking.get_link(link)))


@router.post(
    "/v1/identity/retractions",
    status_code=201,
    summary="Take a link by tokens back",
    response_model=None,
    responses=response_docs(RetractionReceipt, {201: "Membership follows it", 202: "Membership will follow it"}),
)
async def retract_link(
    linking: LinkService, caller: Citizen, body: RetractionForm, response: Response
) -> dict[str, Any]:
    """By who made it. 201 when membership follows it, 202 when it will. Once or twice is the same."""
    token_link = _require_own_link(caller, await linking.get_link(_link_id(body)))
    id, bound = await linking.unlink(token_link.id)
    response.status_code = 201 if bound else 202
    return {"evidence": {"source": ACCOUNT_SOURCE, "id": id}, "bound": bound}


def _may_issue_for(caller: Caller, ref: Ref) -> bool:
    """By its role, and not by what its token names besides."""
    return caller.publishes_for(ref.org) or (ref.org == CITIZEN_ORGANISATION and caller.is_person(ref.subject))


async def _require_registered(pool: asyncpg.Pool, org: str) -> None:
    async with pool.acquire() as connection:
        if not await organisation_repository.known_organisations(connection, [org]):
            raise Problem(422, "unknown-organisation", "org: is not on the register: ask the operator to enter it")


def _attempt_key(caller: Caller, request: Request) -> str:
    """Under what attempts are counted: who it is, or from where. It is hashed before it is kept."""
    if caller.account is not None:
        return f"account {caller.account}"
    return f"org {caller.org}" if caller.org else f"address {request.client.host if request.client else ''}"


def _require_own_link(caller: Caller, link: TokenLink) -> TokenLink:
    if not caller.auth_disabled and (link.account is None or link.account != caller.account):
        raise link_not_found()
    return link


def _link_id(body: RetractionForm) -> UUID:
    if body.source == ACCOUNT_SOURCE and body.id.startswith(_PREFIX):
        try:
            return UUID(body.id.removeprefix(_PREFIX))
        except ValueError:
            pass
    raise link_not_found()


def _render_link(link: TokenLink) -> dict[str, Any]:
    evidence = {"source": ACCOUNT_SOURCE, "id": link.event_id}
    return {"evidence": evidence, "state": _link_state(link), "look": f"/v1/identity/links/{link.id}"}


def _link_state(link: TokenLink) -> str:
    if link.retracted_at is not None:
        return "retracted"
    if link.published_at is None:
        return "interrupted"
    if not link.is_bound:
        return "on-its-way"
    return "in-review" if link.wait_reason not in (None, "bridge") else "bound"
