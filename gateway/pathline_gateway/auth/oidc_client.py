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

from pathline_gateway.auth.jwks import Fetch, IssuerUnavailable, Keys, fetch_json, send_request
from pathline_gateway.auth.jwt_verification import UNSPECIFIC_TYPES, ExpectedJwt, TokenRejected, verify_jwt
from pathline_gateway.auth.login_attempt import LoginAttempt
from pathline_gateway.auth.pkce import compute_challenge
from pathline_gateway.log_cause import because

_log = logging.getLogger(__name__)

_METADATA_MAX_AGE_S: Final = 300.0

Send = Callable[[Request], dict[str, Any]]
"""The JSON object that this request is answered with. Raises OSError or ValueError."""


@dataclass(frozen=True, slots=True)
class Client:
    """What this gateway is to its issuer."""

    id: str
    secret: str | None
    redirect_uri: str
    """Where the issuer sends a browser back to."""


@dataclass
class Provider:
    """An issuer at which people sign in."""

    issuer: str
    client: Client
    keys: Keys
    fetch: Fetch = fetch_json
    send: Send = send_request
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    _metadata: dict[str, Any] = field(default_factory=dict)
    _fetched_at: float | None = None

    async def authorization_url(self, attempt: LoginAttempt) -> str | None:
        """Where the browser goes; None where this issuer has no page to sign in at. Raises IssuerUnavailable."""
        endpoint = (await self._load_metadata()).get("authorization_endpoint")
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            return None
        parameters = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "scope": "openid",
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": compute_challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(parameters)}"

    async def exchange_code(self, code: str, attempt: LoginAttempt) -> str:
        """The access token of whoever came back with this code. Raises TokenRejected, or IssuerUnavailable."""
        request = self._token_request(await self._load_metadata(), code, attempt)
        try:
            tokens = await asyncio.to_thread(self.send, request)
        except HTTPError as caught:
            caught.close()
            raise TokenRejected(f"the issuer refused the code ({caught.code})") from None
        except (OSError, ValueError) as error:
            _log.warning("the issuer's token endpoint did not answer: %s", type(error).__name__, extra=because(error))
            raise IssuerUnavailable from None
        access_token, id_token = tokens.get("access_token"), tokens.get("id_token")
        if not isinstance(access_token, str) or not isinstance(id_token, str):
            raise TokenRejected("no access token and id token came for the code")
        await self._verify_id_token(id_token, attempt)
        return access_token

    def _token_request(self, metadata: Mapping[str, Any], code: str, attempt: LoginAttempt) -> Request:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "client_id": self.client.id,
            "code_verifier": attempt.verifier,
        }
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        if self.client.secret is not None:
            if "client_secret_post" in metadata.get("token_endpoint_auth_methods_supported", ()):
                fields["client_secret"] = self.client.secret
            else:  # RFC 6749, 2.3.1: both are form-encoded before they are joined
                pair = f"{quote(self.client.id, safe='')}:{quote(self.client.secret, safe='')}"
                headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        endpoint = metadata.get("token_endpoint")
        if not isinstance(endpoint, str) or not endpoint.startswith(("https://", "http://")):
            raise TokenRejected("the issuer names no token endpoint")
        return Request(endpoint, urlencode(fields).encode(), headers)  # noqa: S310 - looked at above

    async def _verify_id_token(self, token: str, attempt: LoginAttempt) -> None:
        """The id token is the issuer's, for us, and of this attempt. Raises TokenRejected, or IssuerUnavailable."""
        expected = ExpectedJwt(self.issuer, self.client.id, UNSPECIFIC_TYPES)
        try:
            claims = (await verify_jwt(token, self.keys, expected, self.wall_clock())).claims
        except TokenRejected as error:
            raise TokenRejected(f"its id token: {error.reason}") from None
        if claims.get("nonce") != attempt.nonce:
            raise TokenRejected("its id token: it answers another attempt (nonce)")
        if claims.get("azp", self.client.id) != self.client.id:
            raise TokenRejected("its id token: it was made for another client (azp)")

    async def _load_metadata(self) -> dict[str, Any]:
        if self._fetched_at is None or self.clock() - self._fetched_at > _METADATA_MAX_AGE_S:
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                metadata = await asyncio.to_thread(self.fetch, address)
            except (OSError, ValueError, json.JSONDecodeError) as error:
                _log.warning(
                    "the issuer could not be asked where to sign in: %s", type(error).__name__, extra=because(error)
                )
                raise IssuerUnavailable from None
            if metadata.get("issuer") != self.issuer:
                raise IssuerUnavailable
            self._metadata, self._fetched_at = metadata, self.clock()
        return self._metadata
