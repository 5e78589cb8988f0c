"""Codes of the embedded issuer: each stands for one signing in, is redeemed once, and within a minute. Pure."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final

from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.pkce import proves

SECONDS: Final = 60.0
_MOST: Final = 1_000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What somebody who signs in was asked for by a client."""

    client: str
    redirect: str
    challenge: str
    nonce: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationGrant:
    """Who signed in, and for whom."""

    asked: AuthorizationRequest
    role: Role
    org: str | None
    account: str
    until: float


@dataclass
class AuthorizationCodes:
    """Those that were given and not redeemed."""

    _kept: dict[bytes, AuthorizationGrant] = field(default_factory=dict)

    def given(self, asked: AuthorizationRequest, role: Role, org: str | None, account: str, now: float) -> str:
        """A new code."""
        for old in [digest for digest, each in self._kept.items() if each.until <= now]:
            del self._kept[old]
        while len(self._kept) >= _MOST:
            del self._kept[next(iter(self._kept))]
        code = secrets.token_urlsafe(32)
        self._kept[_digest(code)] = AuthorizationGrant(asked, role, org, account, now + SECONDS)
        return code

    def redeemed(self, code: str, client: str, redirect: str, verifier: str, now: float) -> AuthorizationGrant | None:
        """Who signed in; None where the code does not prove it. Whatever is wrong, the code is spent."""
        found = self._kept.pop(_digest(code), None)
        if found is None or found.until <= now or (found.asked.client, found.asked.redirect) != (client, redirect):
            return None
        return found if proves(verifier, found.asked.challenge) else None


def _digest(code: str) -> bytes:
    return hashlib.sha256(code.encode()).digest()
