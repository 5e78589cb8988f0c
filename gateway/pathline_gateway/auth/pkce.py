"""Proof Key for Code Exchange (RFC 7636), S256 alone: who redeems a code is who asked for it. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from typing import Final

_VERIFIER_PATTERN: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def compute_challenge(verifier: str) -> str:
    """The challenge: the digest of a secret that is shown afterwards."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def is_challenge(text: str) -> bool:
    """Whether some secret could have this challenge."""
    return _CHALLENGE_PATTERN.fullmatch(text) is not None


def verifier_matches(verifier: str, challenge_text: str) -> bool:
    """Whether this secret is the one that the challenge told of."""
    return _VERIFIER_PATTERN.fullmatch(verifier) is not None and hmac.compare_digest(
        compute_challenge(verifier), challenge_text
    )
