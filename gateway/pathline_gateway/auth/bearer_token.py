"""A bearer token becomes a caller, or is refused; why is for the log, and never for the answer."""

from __future__ import annotations

import hashlib
import hmac
import math
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
from pathline_gateway.auth.caller import OF_A_PERSON, OF_AN_ORGANISATION, Caller, Role
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.jwks import Keys
from pathline_gateway.auth.session import LEEWAY_S, Session
from pathline_gateway.reserved_names import is_reserved

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519")
"""What a token may be signed with: never `none`, never a shared secret (RFC 8725, 3.1 and 3.2)."""
DAY_S: Final = 86_400
_ACCESS_TOKEN: Final = frozenset(("at+jwt", "application/at+jwt"))
"""What RFC 9068 calls an access token, in its header `typ`."""
_UNSAID: Final = frozenset(("", "jwt", "application/jwt"))
"""What says nothing of what a token is for."""
_NEVER: Final = ("nonce", "events", "cnf", "at_hash", "c_hash")
"""Claims of what is no access token, or of one that is good only with a proof that nobody asks for here: an ID token
(OpenID Connect Core 1.0, 2), a security event such as a logout token (RFC 8417), a bound token (RFC 7800)."""
_OTHER_KINDS: Final = {"typ": ("id", "refresh", "offline", "logout"), "token_use": ("id", "refresh")}
"""Claims in which some issuers say what a token is, and what of it is no access token."""
_LONGEST_SUB: Final = 1_000
_MOST_CHARACTERS: Final = 16_384


class TokenRejected(Exception):
    """The token is not believed. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class TokenClaims:
    """What a token must say, and under which names it says it."""

    issuer: str
    audience: str
    roles: str = "pathline_roles"
    org: str = "pathline_org"
    lifetime_s: int = DAY_S
    """The longest that a token may live; one that was made for longer is not believed at all."""


@dataclass(frozen=True)
class BearerTokens:
    """Reads tokens of one issuer."""

    claims: TokenClaims
    keys: Keys
    account_key: bytes
    """An account is named by it: nobody else can compute or compare the subjects of citizens."""
    clock: Callable[[], float] = time.time
    sessions: Sessions | None = None
    """Which of them have ended; None where nobody signs out."""

    async def caller(self, token: str) -> Caller:
        """Who asks. Raises Refused, or IssuerUnavailable."""
        if len(token) > _MOST_CHARACTERS:
            raise TokenRejected("too long")
        try:
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self.keys.current(kid if isinstance(kid, str) else None)
            found = jwt.decode(token, keys, algorithms=ALGORITHMS)
            self._registry().validate(found.claims)
            self._for_access(found.header, found.claims)
            session = self._session(token, found.claims)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as wrong:
            raise TokenRejected(_why(wrong)) from None
        return self._caller(found.claims, session)

    def _for_access(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        """It was made to be shown here, and to be good for whoever shows it. Raises Refused.

        An ID token tells a client who signed in; where the client is called as our audience is, only this tells the two
        apart (RFC 9068, 4; RFC 8725, 3.11).
        """
        for name in _NEVER:
            if name in claims:
                raise TokenRejected(f"not an access token that its bearer may show ({name})")
        for name, others in _OTHER_KINDS.items():
            if str(claims.get(name, "")).lower() in others:
                raise TokenRejected(f"another kind of token ({name})")
        kind = header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in _ACCESS_TOKEN | _UNSAID:
            raise TokenRejected("another kind of token (typ)")
        client = claims.get("client_id", claims.get("azp"))
        if kind.lower() in _UNSAID and (not isinstance(client, str) or client in ("", self.claims.audience)):
            raise TokenRejected("neither typ at+jwt nor a client id besides the audience")

    def _session(self, token: str, claims: Mapping[str, Any]) -> Session:
        """What the token is. Raises Refused when it was made to live too long, or is over."""
        issued, expires = claims["iat"], claims["exp"]
        if not all(type(each) in (int, float) and math.isfinite(each) for each in (issued, expires)):
            raise TokenRejected("its times are no numbers")
        if expires - issued > self.claims.lifetime_s:
            raise TokenRejected("it lives too long")
        session = Session.of(token, claims)
        if self.sessions is not None and self.sessions.is_over(session):
            raise TokenRejected("it was signed out")
        return session

    def _registry(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.claims.issuer},
            aud={"essential": True, "value": self.claims.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def _caller(self, claims: Mapping[str, Any], session: Session) -> Caller:
        roles = _roles(claims.get(self.claims.roles))
        org = claims.get(self.claims.org)
        if org is not None and not is_organisation(org):
            raise TokenRejected("its organisation is none")
        if org is None and roles & OF_AN_ORGANISATION:
            raise TokenRejected("a role of an organisation, and no organisation")
        sub = claims["sub"]
        if not isinstance(sub, str) or not 0 < len(sub) <= _LONGEST_SUB:
            raise TokenRejected("its subject is none")
        account = self.account(sub) if roles & OF_A_PERSON else None
        who = actor_pseudonym(self.account_key, self.claims.issuer, sub)
        return Caller(roles, org, account, who=who, session=session)

    def account(self, sub: str) -> str:
        """The subject of this person's own account."""
        named = f"{self.claims.issuer}\n{sub}".encode("utf-8", "surrogatepass")
        return "v1." + urlsafe_b64encode(hmac.digest(self.account_key, named, hashlib.sha256)[:16]).decode().rstrip("=")


def actor_pseudonym(key: bytes, issuer: str, subject: str) -> str:
    """What the access log calls whoever has this subject at this issuer; nobody can compute it without the key."""
    digest = hmac.digest(key, f"who acted\n{issuer}\n{subject}".encode(), hashlib.sha256)
    return b32encode(digest[:10]).decode().lower()


def is_organisation(name: object) -> bool:
    """Whether a caller may be bound to it: nobody is the gateway itself, nor all citizens."""
    if isinstance(name, str) and is_reserved(name):
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
        raise TokenRejected("no roles")
    found = frozenset(Role(each) for each in said if isinstance(each, str) and each in set(Role))
    if not found:
        raise TokenRejected("no role of ours")
    return found


def _why(wrong: Exception) -> str:
    """Its kind and the claim concerned; the message itself may hold what somebody sent."""
    claim = getattr(wrong, "claim", None)
    return type(wrong).__name__ if claim is None else f"{type(wrong).__name__} ({claim})"
