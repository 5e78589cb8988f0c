"""The embedded issuer's page to sign in at: who has the machine's secret says who she is, and a client learns it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse

from pathline_gateway.auth.bearer_token import is_organisation
from pathline_gateway.auth.caller import OF_AN_ORGANISATION, Role
from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationCodes, AuthorizationRequest
from pathline_gateway.auth.dev_issuer.issuer import Issuer, client, has_secret
from pathline_gateway.auth.pkce import is_challenge
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem
from pathline_gateway.web.templates import page


def add(router: APIRouter, issuer: Issuer, codes: AuthorizationCodes) -> None:
    """`/authorize` (OpenID Connect Core 1.0, 3.1.2; RFC 7636; RFC 9207)."""

    @router.get("/authorize")
    async def ask(request: Request) -> Response:
        """Who are you?"""
        return _page(_asked(issuer, request.query_params), request.query_params.get("state", ""))

    @router.post("/authorize")
    async def sign_in(request: Request) -> Response:
        """Back to the client, with a code."""
        if not forms.is_ours(request):
            raise Problem(403, "foreign-form", "the form was not sent by a page of this gateway")
        said = await forms.sent(request)
        asked, state = _asked(issuer, said), said.get("state", "")
        who = _who(said.get("who", ""))
        if who is None or not has_secret(issuer, said.get("secret", "")):
            return _page(asked, state, 401, wrong="secret" if who is not None else "who")
        code = codes.given(asked, *who, time.monotonic())
        back = urlencode({"code": code, "state": state, "iss": issuer.url})
        return RedirectResponse(f"{asked.redirect}?{back}", 303, {"cache-control": "no-store"})


def _page(asked: AuthorizationRequest, state: str, status: int = 200, wrong: str | None = None) -> Response:
    return page("authorize.html", status, referrer="same-origin", asked=asked, state=state, wrong=wrong)


def _asked(issuer: Issuer, said: Mapping[str, str]) -> AuthorizationRequest:
    """What the client asks for. Raises Problem: a browser is never sent to an address that is not its client's."""
    name, redirect = said.get("client_id", ""), said.get("redirect_uri", "")
    if issuer.clients.get(name) != redirect:
        raise Problem(400, "unknown-client", "no such client may send people here, or not back to where it says")
    told = said.get("code_challenge", "")
    if said.get("response_type", "code") != "code" or said.get("code_challenge_method") != "S256":
        raise Problem(400, "invalid-request", "ask for a code, with a code_challenge by S256")
    if not is_challenge(told):
        raise Problem(400, "invalid-request", "code_challenge: the SHA-256 of a secret, as base64url")
    return AuthorizationRequest(name, redirect, told, said.get("nonce") or None)


def _who(said: str) -> tuple[Role, str | None, str] | None:
    """Role, organisation and account, where a token could say so."""
    try:
        role, org, account = client(said)
    except ValueError:
        return None
    if (org is not None and not is_organisation(org)) or (org is None and role in OF_AN_ORGANISATION):
        return None
    return role, org, account
