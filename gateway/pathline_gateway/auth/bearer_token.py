"""A bearer token becomes a caller, or is refused; why is for the log, and never for the answer."""

from __future__ import annotations

import hashlib
import hmac
import time
from base64 import b32encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pathline.errors import Refused as RefusedName
from pathline.interaction import organisation_of
from pathline_gateway.auth.caller import ORGANISATION_ROLES, PERSON_ROLES, Caller, Role
from pathline_gateway.auth.ended_sessions import Sessions
from pathline_gateway.auth.jwks import Keys
from pathline_gateway.auth.jwt_verification import (
    UNSPECIFIC_TYPES,
    ExpectedJwt,
    TokenRejected,
    VerifiedJwt,
    verify_jwt,
)
from pathline_gateway.auth.session import Session
from pathline_gateway.reserved_names import is_reserved

DAY_S: Final = 86_400
_ACCESS_TOKEN_TYPES: Final = UNSPECIFIC_TYPES | {"at+jwt"}
"""What the header `typ` of one may say: RFC 9068 has a type for it, and older issuers say nothing of it."""
_FORBIDDEN_CLAIMS: Final = ("nonce", "events", "cnf", "at_hash", "c_hash")
"""Claims of tokens that are no access tokens, or need a proof that nobody asks for here. An ID token (OpenID Connect
Core 1.0, 2). A security event such as a logout token (RFC 8417). A bound token (RFC 7800)."""
_OTHER_TOKEN_KINDS: Final = {"typ": ("id", "refresh", "offline", "logout"), "token_use": ("id", "refresh")}
"""Claims in which some issuers say what a token is, and what of it is no access token."""
_MAX_SUB_LENGTH: Final = 1_000


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
        expected = ExpectedJwt(self.claims.issuer, self.claims.audience, _ACCESS_TOKEN_TYPES)
        verified = await verify_jwt(token, self.keys, expected, self.clock())
        self._require_access_token(verified)
        return self._build_caller(verified.claims, self._validate_session(token, verified.claims))

    def _require_access_token(self, token: VerifiedJwt) -> None:
        """It was made to be shown here, and to be good for whoever shows it. Raises TokenRejected.

        An ID token tells a client who signed in. Where the client has the name of our audience, only this tells the two
        apart (RFC 9068, 4; RFC 8725, 3.11).
        """
        for name in _FORBIDDEN_CLAIMS:
            if name in token.claims:
                raise TokenRejected(f"not an access token that its bearer may show ({name})")
        for name, other_kinds in _OTHER_TOKEN_KINDS.items():
            kind = token.claims.get(name)
            if isinstance(kind, str) and kind.lower() in other_kinds:
                raise TokenRejected(f"another kind of token ({name})")
        client = token.claims.get("client_id", token.claims.get("azp"))
        is_for_client = isinstance(client, str) and client not in ("", self.claims.audience)
        if token.type in UNSPECIFIC_TYPES and not is_for_client:
            raise TokenRejected("neither typ at+jwt nor a client id besides the audience")

    def _validate_session(self, token: str, claims: Mapping[str, Any]) -> Session:
        """What the token is. Raises TokenRejected when it was made to live too long, or is over."""
        if claims["exp"] - claims["iat"] > self.claims.lifetime_s:
            raise TokenRejected("it lives too long")
        session = Session.from_claims(token, claims)
        if self.sessions is not None and self.sessions.has_ended(session):
            raise TokenRejected("it was signed out")
        return session

    def _build_caller(self, claims: Mapping[str, Any], session: Session) -> Caller:
        roles = _parse_roles(claims.get(self.claims.roles))
        org = claims.get(self.claims.org)
        if org is not None and not is_organisation(org):
            raise TokenRejected("its organisation is none")
        if org is None and roles & ORGANISATION_ROLES:
            raise TokenRejected("a role of an organisation, and no organisation")
        sub = claims["sub"]
        if len(sub) > _MAX_SUB_LENGTH:
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
    digest = hmac.digest(key, f"who acted\n{issuer}\n{subject}".encode("utf-8", "surrogatepass"), hashlib.sha256)
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
