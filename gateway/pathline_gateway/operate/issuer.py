"""The embedded issuer over HTTP: discovery, keys, and tokens for whoever has the machine's secret."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter, Request

from pathline_gateway import form
from pathline_gateway.problem import Problem
from pathline_gateway.trust.issuer import HOUR_S, Issuer, client


def routes(issuer: Issuer) -> APIRouter:
    """Discovery, keys, and tokens for client credentials (RFC 6749, 4.4)."""
    router = APIRouter(prefix="/issuer", include_in_schema=False)

    @router.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        return {
            "issuer": issuer.url,
            "jwks_uri": f"{issuer.url}/jwks.json",
            "token_endpoint": f"{issuer.url}/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    @router.get("/jwks.json")
    async def keys() -> dict[str, Any]:
        return dict(issuer.keys.as_dict())

    @router.post("/token")
    async def token(request: Request) -> dict[str, Any]:
        """A token for `client_id` = role, or role:organisation, or citizen:name."""
        said = await form.sent(request)
        shown = said.get("client_secret", "").encode()
        if said.get("grant_type") != "client_credentials" or not hmac.compare_digest(shown, issuer.secret.encode()):
            raise Problem(401, "not-signed-in", "send grant_type=client_credentials and the secret of this machine")
        try:
            role, org, account = client(said.get("client_id", ""))
        except ValueError as wrong:
            raise Problem(422, "invalid-request", f"client_id: {wrong}") from None
        return {"access_token": issuer.token([role], org, account), "token_type": "Bearer", "expires_in": HOUR_S}

    return router
