"""Codes of the embedded issuer: each stands for one signing in, is redeemed once, and within a minute. Pure."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.pkce import verifier_matches

LIFETIME_S: Final = 60.0
_MAX_CODES: Final = 1_000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What somebody who signs in was asked for by a client."""

    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationGrant:
    """Who signed in, and for whom."""

    request: AuthorizationRequest
    role: Role
    org: str | None
    account: str
    expires_at: float


@dataclass
class AuthorizationCodes:
    """Those that were given and not redeemed."""

    _grants: dict[bytes, AuthorizationGrant] = field(default_factory=dict)

    def issue(self, request: AuthorizationRequest, role: Role, org: str | None, account: str, now: float) -> str:
        """A new code."""
        for old in [digest for digest, each in self._grants.items() if each.expires_at <= now]:
            del self._grants[old]
        while len(self._grants) >= _MAX_CODES:
            del self._grants[next(iter(self._grants))]
        code = secrets.token_urlsafe(32)
        self._grants[_digest(code)] = AuthorizationGrant(request, role, org, account, now + LIFETIME_S)
        return code

    def redeem(
        self, code: str, client_id: str, redirect_uri: str, verifier: str, now: float
    ) -> AuthorizationGrant | None:
        """Who signed in; None where the code does not prove it. Whatever is wrong, the code is spent."""
        grant = self._grants.pop(_digest(code), None)
        if (
            grant is None
            or grant.expires_at <= now
            or (grant.request.client_id, grant.request.redirect_uri) != (client_id, redirect_uri)
        ):
            return None
        return grant if verifier_matches(verifier, grant.request.challenge) else None


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
