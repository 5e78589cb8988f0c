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
from pathline_gateway.auth.caller import ORGANISATION_ROLES, PERSON_ROLES, Caller, Role
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.jwks import Keys
from pathline_gateway.auth.session import LEEWAY_S, Session
from pathline_gateway.reserved_names import is_reserved

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "Ed25519")
"""What a token may be signed with: never `none`, never a shared secret (RFC 8725, 3.1 and 3.2)."""
DAY_S: Final = 86_400
_ACCESS_TOKEN_TYPES: Final = frozenset(("at+jwt", "application/at+jwt"))
"""What RFC 9068 calls an access token, in its header `typ`."""
_UNSPECIFIC_TYPES: Final = frozenset(("", "jwt", "application/jwt"))
"""What says nothing of what a token is for."""
_FORBIDDEN_CLAIMS: Final = ("nonce", "events", "cnf", "at_hash", "c_hash")
"""Claims of tokens that are no access tokens, or need a proof that nobody asks for here. An ID token (OpenID Connect
Core 1.0, 2). A security event such as a logout token (RFC 8417). A bound token (RFC 7800)."""
_OTHER_TOKEN_KINDS: Final = {"typ": ("id", "refresh", "offline", "logout"), "token_use": ("id", "refresh")}
"""Claims in which some issuers say what a token is, and what of it is no access token."""
_MAX_SUB_LENGTH: Final = 1_000
_MAX_TOKEN_LENGTH: Final = 16_384


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

    async def authenticate(self, token: str) -> Caller:
        """Who asks. Raises TokenRejected, or IssuerUnavailable."""
        if len(token) > _MAX_TOKEN_LENGTH:
            raise TokenRejected("too long")
        try:
            kid = jws.extract_compact(token.encode("ascii")).headers().get("kid")
            keys = await self.keys.current(kid if isinstance(kid, str) else None)
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            self._claims_registry().validate(decoded.claims)
            self._require_access_token(decoded.header, decoded.claims)
            session = self._validate_session(token, decoded.claims)
        except (JoseError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenRejected(_describe_error(error)) from None
        return self._build_caller(decoded.claims, session)

    def _require_access_token(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
        """It was made to be shown here, and to be good for whoever shows it. Raises TokenRejected.

        An ID token tells a client who signed in. Where the client has the name of our audience, only this tells the two
        apart (RFC 9068, 4; RFC 8725, 3.11).
        """
        for name in _FORBIDDEN_CLAIMS:
            if name in claims:
                raise TokenRejected(f"not an access token that its bearer may show ({name})")
        for name, other_kinds in _OTHER_TOKEN_KINDS.items():
            if str(claims.get(name, "")).lower() in other_kinds:
                raise TokenRejected(f"another kind of token ({name})")
        kind = header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in _ACCESS_TOKEN_TYPES | _UNSPECIFIC_TYPES:
            raise TokenRejected("another kind of token (typ)")
        client = claims.get("client_id", claims.get("azp"))
        if kind.lower() in _UNSPECIFIC_TYPES and (not isinstance(client, str) or client in ("", self.claims.audience)):
            raise TokenRejected("neither typ at+jwt nor a client id besides the audience")

    def _validate_session(self, token: str, claims: Mapping[str, Any]) -> Session:
        """What the token is. Raises TokenRejected when it was made to live too long, or is over."""
        issued_at, expires_at = claims["iat"], claims["exp"]
        if not all(type(each) in (int, float) and math.isfinite(each) for each in (issued_at, expires_at)):
            raise TokenRejected("its times are no numbers")
        if expires_at - issued_at > self.claims.lifetime_s:
            raise TokenRejected("it lives too long")
        session = Session.from_claims(token, claims)
        if self.sessions is not None and self.sessions.has_ended(session):
            raise TokenRejected("it was signed out")
        return session

    def _claims_registry(self) -> JWTClaimsRegistry:
        return JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.claims.issuer},
            aud={"essential": True, "value": self.claims.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        )

    def _build_caller(self, claims: Mapping[str, Any], session: Session) -> Caller:
        roles = _parse_roles(claims.get(self.claims.roles))
        org = claims.get(self.claims.org)
        if org is not None and not is_organisation(org):
            raise TokenRejected("its organisation is none")
        if org is None and roles & ORGANISATION_ROLES:
            raise TokenRejected("a role of an organisation, and no organisation")
        sub = claims["sub"]
        if not isinstance(sub, str) or not 0 < len(sub) <= _MAX_SUB_LENGTH:
            raise TokenRejected("its subject is none")
        account = self.account_subject(sub) if roles & PERSON_ROLES else None
        actor_id = actor_pseudonym(self.account_key, self.claims.issuer, sub)
        return Caller(roles, org, account, actor_id=actor_id, session=session)

    def account_subject(self, sub: str) -> str:
        """The subject of this person's own account."""
        message = f"{self.claims.issuer}\n{sub}".encode("utf-8", "surrogatepass")
        return "v1." + urlsafe_b64encode(hmac.digest(self.account_key, message, hashlib.sha256)[:16]).decode().rstrip(
            "="
        )


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


def _parse_roles(claim: object) -> frozenset[Role]:
    """The roles among what the token says; others are none of ours."""
    if isinstance(claim, str):
        claim = claim.split()
    if not isinstance(claim, list):
        raise TokenRejected("no roles")
    known_roles = frozenset(Role(each) for each in claim if isinstance(each, str) and each in set(Role))
    if not known_roles:
        raise TokenRejected("no role of ours")
    return known_roles


def _describe_error(error: Exception) -> str:
    """Its kind and the claim concerned; the message itself may hold what somebody sent."""
    claim = getattr(error, "claim", None)
    return type(error).__name__ if claim is None else f"{type(error).__name__} ({claim})"
