"""A bearer token becomes a caller, or is refused; why is for the log, and never for the answer."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from pathline.errors import Refused as RefusedName
from pathline.interaction import organisation_of
from pathline_gateway.identity.rights import CITIZENS, OURS
from pathline_gateway.trust.caller import OF_A_PERSON, OF_AN_ORGANISATION, Caller, Role
from pathline_gateway.trust.keys import Keys

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519")
"""What a token may be signed with: never `none`, never a shared secret (RFC 8725, 3.1 and 3.2)."""
_LEEWAY_S: Final = 30
_MOST_CHARACTERS: Final = 16_384


class Refused(Exception):
    """The token is not believed. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Claims:
    """What a token must say, and under which names it says it."""

    issuer: str
    audience: str
    roles: str = "pathline_roles"
    org: str = "pathline_org"


@dataclass(frozen=True)
class Bearer:
    """Reads tokens of one issuer."""

    claims: Claims
    keys: Keys
    account_key: bytes
    """An account is named by it: nobody else can compute or compare the subjects of citizens."""
    clock: Callable[[], float] = time.time

    async def caller(self, token: str) -> Caller:
        """Who asks. Raises Refused, or IssuerUnavailable."""
        if len(token) > _MOST_CHARACTERS:
            raise Refused("too long")
        try:
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self.keys.current(kid if isinstance(kid, str) else None)
            claims = jwt.decode(token, keys, algorithms=ALGORITHMS).claims
            self._registry().validate(claims)
        except (JoseError, ValueError, TypeError) as wrong:
            raise Refused(_why(wrong)) from None
        return self._caller(claims)

    def _registry(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self.claims.issuer},
            aud={"essential": True, "value": self.claims.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        roles = _roles(claims.get(self.claims.roles))
        org = claims.get(self.claims.org)
        if org is not None and not is_organisation(org):
            raise Refused("its organisation is none")
        if org is None and roles & OF_AN_ORGANISATION:
            raise Refused("a role of an organisation, and no organisation")
        subject = str(claims["sub"])
        account = self.account(subject) if roles & OF_A_PERSON else None
        return Caller(roles, org, account, who=actor_pseudonym(self.account_key, self.claims.issuer, subject))

    def account(self, sub: str) -> str:
        """The subject of this person's own account."""
        named = f"{self.claims.issuer}\n{sub}".encode()
        return "v1." + urlsafe_b64encode(hmac.digest(self.account_key, named, hashlib.sha256)[:16]).decode().rstrip("=")


def actor_pseudonym(key: bytes, issuer: str, subject: str) -> str:
    """What the access log calls whoever has this subject at this issuer; nobody can compute it without the key."""
    digest = hmac.digest(key, f"who acted\n{issuer}\n{subject}".encode(), hashlib.sha256)
    return b32encode(digest[:10]).decode().lower()


def is_organisation(name: object) -> bool:
    """Whether a caller may be bound to it: nobody is the gateway itself, nor all citizens."""
    if name in (OURS, CITIZENS):
        return False
    try:
        return isinstance(name, str) and organisation_of(f"urn:pathline:{name}:x") == name
    except RefusedName:
        return False


def _roles(said: object) -> frozenset[Role]:
    """The roles among what the token says; others are none of ours."""
    if isinstance(said, str):
        said = said.split()
    if not isinstance(said, list):
        raise Refused("no roles")
    found = frozenset(Role(each) for each in said if isinstance(each, str) and each in set(Role))
    if not found:
        raise Refused("no role of ours")
    return found


def _why(wrong: Exception) -> str:
    """Its kind and the claim concerned; the message itself may hold what somebody sent."""
    claim = getattr(wrong, "claim", None)
    return type(wrong).__name__ if claim is None else f"{type(wrong).__name__} ({claim})"
