"""The embedded issuer's page to sign in at: who has the machine's secret says who she is, and a client learns it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth.bearer_token import is_organisation
from pathline_gateway.auth.caller import ORGANISATION_ROLES, Role
from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationRequest
from pathline_gateway.auth.dev_issuer.issuer import Issuer, has_secret, parse_client
from pathline_gateway.auth.dev_issuer.services import Codes, OwnIssuer
from pathline_gateway.auth.pkce import is_challenge
from pathline_gateway.web.forms import OwnForm
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import render_page

router = APIRouter(prefix="/issuer", include_in_schema=False)


@router.get("/authorize")
async def authorize_page(issuer: OwnIssuer, request: Request) -> Response:
    """Who are you?"""
    return _authorize_page(_parse_request(issuer, request.query_params), request.query_params.get("state", ""))


@router.post("/authorize")
async def authorize(issuer: OwnIssuer, codes: Codes, form: OwnForm) -> Response:
    """Back to the client, with a code."""
    authorization_request, state = _parse_request(issuer, form), form.get("state", "")
    identity = _parse_identity(form.get("who", ""))
    if identity is None or not has_secret(issuer, form.get("secret", "")):
        return _authorize_page(authorization_request, state, 401, error="secret" if identity is not None else "who")
    code = codes.issue(authorization_request, *identity, time.monotonic())
    query = urlencode({"code": code, "state": state, "iss": issuer.url})
    return RedirectResponse(f"{authorization_request.redirect_uri}?{query}", 303, {"cache-control": "no-store"})


def _authorize_page(
    authorization_request: AuthorizationRequest, state: str, status: int = 200, error: str | None = None
) -> Response:
    return render_page(
        "authorize.html", status, referrer="same-origin", asked=authorization_request, state=state, wrong=error
    )


def _parse_request(issuer: Issuer, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """What the client asks for. Raises Problem: a browser is never sent to an address that is not its client's."""
    client_id, redirect_uri = parameters.get("client_id", ""), parameters.get("redirect_uri", "")
    if issuer.redirect_uris.get(client_id) != redirect_uri:
        raise Problem(400, "unknown-client", "no such client may send people here, or not back to where it says")
    code_challenge = parameters.get("code_challenge", "")
    if parameters.get("response_type", "code") != "code" or parameters.get("code_challenge_method") != "S256":
        raise Problem(400, "invalid-request", "ask for a code, with a code_challenge by S256")
    if not is_challenge(code_challenge):
        raise Problem(400, "invalid-request", "code_challenge: the SHA-256 of a secret, as base64url")
    return AuthorizationRequest(client_id, redirect_uri, code_challenge, parameters.get("nonce") or None)


def _parse_identity(text: str) -> tuple[Role, str | None, str] | None:
    """Role, organisation and account, where a token could say so."""
    try:
        role, org, account = parse_client(text)
    except ValueError:
        return None
    if (org is not None and not is_organisation(org)) or (org is None and role in ORGANISATION_ROLES):
        return None
    return role, org, account
