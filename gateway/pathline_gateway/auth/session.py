"""One token as a session: how it is recognised, and until when it is valid. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

LEEWAY_S: Final = 30
"""So far the clocks of issuer and gateway may be apart."""


@dataclass(frozen=True, slots=True)
class Session:
    """A token that was believed, without the token."""

    token: bytes
    """A digest of it."""
    issued_at: float
    expires_at: float
    """As POSIX timestamps, by the issuer's clock."""
    at_issuer: bytes | None = None
    """A digest of the session at the issuer that it came of (`sid`): other tokens of it end together."""

    @classmethod
    def of(cls, token: str, claims: Mapping[str, Any]) -> Session:
        """That of a token that was verified, with these claims."""
        sid = claims.get("sid")
        at_issuer = _digest(f"sid\n{claims['iss']}\n{sid}") if isinstance(sid, str) and sid else None
        return cls(_digest(f"token\n{token}"), claims["iat"], claims["exp"], at_issuer)

    @property
    def keys(self) -> list[bytes]:
        """What it is known by."""
        return [self.token] if self.at_issuer is None else [self.token, self.at_issuer]

    def is_ended(self, ended: Mapping[bytes, datetime], now: float) -> bool:
        """Whether it is over: expired, signed out of, or of a session at the issuer that was signed out of since."""
        if now >= self.expires_at + LEEWAY_S or self.token in ended:
            return True
        at = None if self.at_issuer is None else ended.get(self.at_issuer)
        # Tokens have whole seconds: one of the same second may have come by signing in again.
        return at is not None and self.issued_at < int(at.astimezone(UTC).timestamp())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
