"""The embedded issuer over HTTP: discovery, keys, and tokens for whoever has the machine's secret."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request

from pathline_gateway.auth.dev_issuer.authorization_codes import AuthorizationCodes
from pathline_gateway.auth.dev_issuer.issuer import HOUR_S, Issuer, has_secret, parse_client
from pathline_gateway.auth.dev_issuer.services import Codes, OwnIssuer
from pathline_gateway.web import forms
from pathline_gateway.web.problem import Problem

_CODE_GRANT_FIELDS: Final = ("code", "client_id", "redirect_uri", "code_verifier")


router = APIRouter(prefix="/issuer", include_in_schema=False)


@router.get("/.well-known/openid-configuration")
async def get_configuration(issuer: OwnIssuer) -> dict[str, Any]:
    return {
        "issuer": issuer.url,
        "jwks_uri": f"{issuer.url}/jwks.json",
        "authorization_endpoint": f"{issuer.url}/authorize",
        "token_endpoint": f"{issuer.url}/token",
        "grant_types_supported": ["client_credentials", "authorization_code"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "none"],
        "authorization_response_iss_parameter_supported": True,
    }


@router.get("/jwks.json")
async def get_keys(issuer: OwnIssuer) -> dict[str, Any]:
    return dict(issuer.keys.as_dict())


@router.post("/token")
async def issue_token(issuer: OwnIssuer, codes: Codes, request: Request) -> dict[str, Any]:
    """A token for `client_id` = role, or role:organisation, or citizen:name; or for a code."""
    form = await forms.read_form(request)
    return (
        _redeem_code(issuer, codes, form)
        if form.get("grant_type") == "authorization_code"
        else _grant_client_credentials(issuer, form)
    )


def _grant_client_credentials(issuer: Issuer, form: Mapping[str, str]) -> dict[str, Any]:
    if form.get("grant_type") != "client_credentials" or not has_secret(issuer, form.get("client_secret", "")):
        raise Problem(401, "not-signed-in", "send grant_type=client_credentials and the secret of this machine")
    try:
        role, org, account = parse_client(form.get("client_id", ""))
    except ValueError as error:
        raise Problem(422, "invalid-request", f"client_id: {error}") from None
    return {"access_token": issuer.issue_token([role], org, account), "token_type": "Bearer", "expires_in": HOUR_S}


def _redeem_code(issuer: Issuer, codes: AuthorizationCodes, form: Mapping[str, str]) -> dict[str, Any]:
    code, client_id, redirect_uri, verifier = (form.get(each, "") for each in _CODE_GRANT_FIELDS)
    grant = codes.redeem(code, client_id, redirect_uri, verifier, time.monotonic())
    if grant is None:
        # RFC 6749, 5.2, by our own form of errors: whatever is wrong with it, the answer is the same.
        raise Problem(400, "invalid-grant", "the code is not good: sign in again", error="invalid_grant")
    return {
        "access_token": issuer.issue_token([grant.role], grant.org, grant.account),
        "id_token": issuer.issue_id_token(grant.request.client_id, grant.account, grant.request.nonce),
        "token_type": "Bearer",
        "expires_in": HOUR_S,
    }
