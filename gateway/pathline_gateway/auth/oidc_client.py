"""A client of OpenID Connect Core 1.0: the authorization code flow, with PKCE."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from pathline_gateway.auth.bearer_token import ALGORITHMS, TokenRejected
from pathline_gateway.auth.jwks import Fetch, IssuerUnavailable, Keys, asked, fetched
from pathline_gateway.auth.login_attempt import SigningIn
from pathline_gateway.auth.pkce import challenge

_log = logging.getLogger(__name__)

_AGAIN_S: Final = 300.0
_LEEWAY_S: Final = 30

Send = Callable[[Request], dict[str, Any]]
"""The JSON object that this request is answered with. Raises OSError or ValueError."""


@dataclass(frozen=True, slots=True)
class Client:
    """What this gateway is to its issuer."""

    id: str
    secret: str | None
    redirect: str
    """Where the issuer sends a browser back to."""


@dataclass
class Provider:
    """An issuer at which people sign in."""

    issuer: str
    client: Client
    keys: Keys
    fetch: Fetch = fetched
    send: Send = asked
    clock: Callable[[], float] = time.monotonic
    _described: dict[str, Any] = field(default_factory=dict)
    _at: float | None = None

    async def address(self, attempt: SigningIn) -> str | None:
        """Where the browser goes; None where this issuer has no page to sign in at. Raises IssuerUnavailable."""
        endpoint = (await self._description()).get("authorization_endpoint")
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            return None
        said = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(said)}"

    async def token(self, code: str, attempt: SigningIn) -> str:
        """The access token of whoever came back with this code. Raises Refused, or IssuerUnavailable."""
        request = self._exchange(await self._description(), code, attempt)
        try:
            given = await asyncio.to_thread(self.send, request)
        except HTTPError as refused:
            refused.close()
            raise TokenRejected(f"the issuer refused the code ({refused.code})") from None
        except (OSError, ValueError) as failed:
            _log.warning("the issuer's token endpoint did not answer: %s", type(failed).__name__)
            raise IssuerUnavailable from None
        access, identity = given.get("access_token"), given.get("id_token")
        if not isinstance(access, str) or not isinstance(identity, str):
            raise TokenRejected("no access token and id token came for the code")
        await self._same_attempt(identity, attempt)
        return access

    def _exchange(self, described: Mapping[str, Any], code: str, attempt: SigningIn) -> Request:
        said = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect,
            "client_id": self.client.id,
            "code_verifier": attempt.verifier,
        }
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        if self.client.secret is not None:
            if "client_secret_post" in described.get("token_endpoint_auth_methods_supported", ()):
                said["client_secret"] = self.client.secret
            else:  # RFC 6749, 2.3.1: both are form-encoded before they are joined
                pair = f"{quote(self.client.id, safe='')}:{quote(self.client.secret, safe='')}"
                headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        endpoint = described.get("token_endpoint")
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            raise TokenRejected("the issuer names no token endpoint")
        return Request(endpoint, urlencode(said).encode(), headers)  # noqa: S310 - looked at above

    async def _same_attempt(self, token: str, attempt: SigningIn) -> None:
        """The id token is the issuer's, for us, and answers this very attempt. Raises Refused, or IssuerUnavailable."""
        registry = JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.client.id},
            exp={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        )
        try:
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self.keys.current(kid if isinstance(kid, str) else None)
            found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            registry.validate(found.claims)
        except (JoseError, ValueError, TypeError) as wrong:
            raise TokenRejected(f"its id token: {type(wrong).__name__}") from None

    async def _description(self) -> dict[str, Any]:
        if self._at is None or self.clock() - self._at > _AGAIN_S:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                described = await asyncio.to_thread(self.fetch, address)
            except (OSError, ValueError, json.JSONDecodeError) as failed:
                _log.warning("the issuer could not be asked where to sign in: %s", type(failed).__name__)
                raise IssuerUnavailable from None
            if described.get("issuer") != self.issuer:
                raise IssuerUnavailable
            self._described, self._at = described, self.clock()
        return self._described
