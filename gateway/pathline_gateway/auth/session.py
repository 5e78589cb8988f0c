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

    token_digest: bytes
    """A digest of it."""
    issued_at: float
    expires_at: float
    """As POSIX timestamps, by the issuer's clock."""
    issuer_session: bytes | None = None
    """A digest of the session at the issuer that it came of (`sid`): other tokens of it end together."""

    @classmethod
    def from_claims(cls, token: str, claims: Mapping[str, Any]) -> Session:
        """That of a token that was verified, with these claims."""
        sid = claims.get("sid")
        issuer_session = _digest(f"sid\n{claims['iss']}\n{sid}") if isinstance(sid, str) and sid else None
        return cls(_digest(f"token\n{token}"), claims["iat"], claims["exp"], issuer_session)

    @property
    def keys(self) -> list[bytes]:
        """What it is known by."""
        return [self.token_digest] if self.issuer_session is None else [self.token_digest, self.issuer_session]

    def is_ended(self, ended_at_by_key: Mapping[bytes, datetime], now: float) -> bool:
        """Whether it is over: expired, signed out of, or of a session at the issuer that was signed out of since."""
        if now >= self.expires_at + LEEWAY_S or self.token_digest in ended_at_by_key:
            return True
        ended_at = None if self.issuer_session is None else ended_at_by_key.get(self.issuer_session)
        # Tokens have whole seconds: one of the same second may have come by signing in again.
        return ended_at is not None and self.issued_at < int(ended_at.astimezone(UTC).timestamp())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
