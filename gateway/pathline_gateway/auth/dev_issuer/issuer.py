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
CLIENT: Final = "pathline"
CALLBACK: Final = "/sign-in/callback"
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

    def token(self, roles: Collection[Role], org: str | None, account: str, seconds: int = HOUR_S) -> str:
        """A token for somebody with these roles."""
        now = int(time.time())
        said = {"iss": self.url, "aud": _AUDIENCE, "sub": account, "iat": now, "exp": now + seconds}
        about = {"jti": secrets.token_urlsafe(12), "client_id": CLIENT}
        claims: dict[str, Any] = {**said, **about, "pathline_roles": [str(role) for role in roles]}
        if org is not None:
            claims["pathline_org"] = org
        return self._signed(claims, "at+jwt")

    def id_token(self, client: str, account: str, nonce: str | None) -> str:
        """What tells a client who signed in, and which of its attempts that answers."""
        now = int(time.time())
        said: dict[str, Any] = {"iss": self.url, "aud": client, "sub": account, "iat": now, "exp": now + HOUR_S}
        return self._signed(said if nonce is None else {**said, "nonce": nonce}, "JWT")

    @property
    def home(self) -> str:
        """The gateway that it belongs to."""
        return self.url.removesuffix("/issuer")

    @property
    def clients(self) -> Mapping[str, str]:
        """Who may send people here to sign in, and where they are sent back to: its own gateway, and nobody else."""
        return {CLIENT: f"{self.home}{CALLBACK}"}

    def _signed(self, claims: dict[str, Any], kind: str) -> str:
        return jwt.encode({"alg": "ES256", "typ": kind, "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])


class NoIssuer(Exception):
    """There is no embedded issuer in this directory."""


def made(data: Path, url: str) -> Issuer:
    """The issuer of this data directory; its key and its secret are made where there are none, for the owner alone."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / _FILE
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        key = ECKey.generate_key("P-256", {"use": "sig"})
        key.ensure_kid()
        kept = {"key": key.as_dict(private=True), "secret": secrets.token_urlsafe(24)}
    _write(path, {**kept, "url": url})
    return Issuer(url, ECKey.import_key(kept["key"]), kept["secret"])


def existing(data: Path) -> Issuer:
    """The issuer that a gateway has made in this data directory. Raises NoIssuer."""
    try:
        kept = json.loads((data / _FILE).read_text())
    except FileNotFoundError:
        raise NoIssuer(f"{data} has no issuer: start `pathline-gateway up --embedded --data {data}` first") from None
    return Issuer(kept["url"], ECKey.import_key(kept["key"]), kept["secret"])


def has_secret(issuer: Issuer, shown: str) -> bool:
    """Whether this is the machine's secret."""
    return hmac.compare_digest(shown.encode(), issuer.secret.encode())


def _write(path: Path, said: dict[str, Any]) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(said, file)
    new.replace(path)


def client(name: str) -> tuple[Role, str | None, str]:
    """Role, organisation and account of `operator`, `publisher:food-bank` or `citizen:ann`. Raises ValueError."""
    role, _, whose = name.partition(":")
    if role not in set(Role):
        raise ValueError("a role, and for some a colon and whose it is")
    person = role in (Role.CITIZEN, Role.HELPER)
    return Role(role), None if person or not whose else whose, whose if person and whose else name
