"""An issuer of tokens for one machine: so that auth can be tried, and never for production."""

from __future__ import annotations

import hmac
import json
import os
import secrets
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from pathline_gateway.auth.bearer_token import TokenClaims
from pathline_gateway.auth.caller import Role

_FILE: Final = "issuer.json"
HOUR_S: Final = 3600
_AUDIENCE: Final = "pathline"
CLIENT_ID: Final = "pathline"
CALLBACK_PATH: Final = "/sign-in/callback"
"""Where an issuer sends a browser back to."""


@dataclass(frozen=True)
class Issuer:
    """Signs tokens for whoever has the machine's secret."""

    url: str
    key: ECKey
    secret: str
    """What a client shows to get a token over HTTP."""

    @property
    def claims(self) -> TokenClaims:
        """What its tokens say."""
        return TokenClaims(self.url, _AUDIENCE)

    @property
    def keys(self) -> KeySet:
        """What they are verified with."""
        return KeySet([self.key])

    def issue_token(self, roles: Collection[Role], org: str | None, account: str, seconds: int = HOUR_S) -> str:
        """A token for somebody with these roles."""
        now = int(time.time())
        registered_claims = {"iss": self.url, "aud": _AUDIENCE, "sub": account, "iat": now, "exp": now + seconds}
        extra_claims = {"jti": secrets.token_urlsafe(12), "client_id": CLIENT_ID}
        claims: dict[str, Any] = {**registered_claims, **extra_claims, "pathline_roles": [str(role) for role in roles]}
        if org is not None:
            claims["pathline_org"] = org
        return self._sign(claims, "at+jwt")

    def issue_id_token(self, client_id: str, account: str, nonce: str | None) -> str:
        """What tells a client who signed in, and which of its attempts that answers."""
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.url, "aud": client_id, "sub": account, "iat": now, "exp": now + HOUR_S}
        return self._sign(claims if nonce is None else {**claims, "nonce": nonce}, "JWT")

    @property
    def gateway_url(self) -> str:
        """The gateway that it belongs to."""
        return self.url.removesuffix("/issuer")

    @property
    def redirect_uris(self) -> Mapping[str, str]:
        """Who may send people here to sign in, and where they are sent back to: its own gateway, and nobody else."""
        return {CLIENT_ID: f"{self.gateway_url}{CALLBACK_PATH}"}

    def _sign(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode({"alg": "ES256", "typ": kind, "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])


class NoIssuer(Exception):
    """There is no embedded issuer in this directory."""


def load_or_create_issuer(data: Path, url: str) -> Issuer:
    """The issuer of this data directory; its key and its secret are made where there are none, for the owner alone."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / _FILE
    try:
        stored = json.loads(path.read_text())
    except FileNotFoundError:
        key = ECKey.generate_key("P-256", {"use": "sig"})
        key.ensure_kid()
        stored = {"key": key.as_dict(private=True), "secret": secrets.token_urlsafe(24)}
    _write(path, {**stored, "url": url})
    return Issuer(url, ECKey.import_key(stored["key"]), stored["secret"])


def load_issuer(data: Path) -> Issuer:
    """The issuer that a gateway has made in this data directory. Raises NoIssuer."""
    try:
        stored = json.loads((data / _FILE).read_text())
    except FileNotFoundError:
        raise NoIssuer(f"{data} has no issuer: start `pathline-gateway up --embedded --data {data}` first") from None
    return Issuer(stored["url"], ECKey.import_key(stored["key"]), stored["secret"])


def has_secret(issuer: Issuer, secret: str) -> bool:
    """Whether this is the machine's secret."""
    return hmac.compare_digest(secret.encode(), issuer.secret.encode())


def _write(path: Path, document: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(document, file)
    new.replace(path)


def parse_client(name: str) -> tuple[Role, str | None, str]:
    """Role, organisation and account of `operator`, `publisher:food-bank` or `citizen:ann`. Raises ValueError."""
    role, _, owner = name.partition(":")
    if role not in set(Role):
        raise ValueError("a role, and for some a colon and whose it is")
    is_person = role in (Role.CITIZEN, Role.HELPER)
    return Role(role), None if is_person or not owner else owner, owner if is_person and owner else name
