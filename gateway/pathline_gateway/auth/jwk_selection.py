"""The keys of a JWK set that a token may be verified with; the others are left out, and why. Pure (RFC 7517)."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

_MAX_KEYS: Final = 200
"""Keys of a set that are looked at."""
_MAX_KID_LENGTH: Final = 1_000
_RSA_BITS: Final = 2_048
KEY_TYPES: Final = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "Ed25519": "OKP"}
"""What may sign a token, and the kind of key that it needs. Never `none`, never a shared secret (RFC 8725, 3.1)."""
_CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
_PUBLIC_PARAMETERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


@dataclass(frozen=True, slots=True)
class KeySelection:
    """What of a set can be used."""

    keys: KeySet
    rejected: Mapping[str, int]
    """How many could not be, by why."""


def select_keys(jwk_set: object) -> KeySelection:
    """The keys of this set that are for our algorithms. Raises ValueError when there is none, or this is no set."""
    jwks = jwk_set.get("keys") if isinstance(jwk_set, dict) else None
    if not isinstance(jwks, list):
        raise ValueError("not a JWK set")
    keys: list[Any] = []
    rejected = Counter({"too-many": len(jwks) - _MAX_KEYS} if len(jwks) > _MAX_KEYS else {})
    for jwk in jwks[:_MAX_KEYS]:
        reason = _rejection_reason(jwk)
        key = _import_key(jwk) if reason is None else None
        if key is None:
            rejected[reason or "malformed"] += 1
        else:
            keys.append(key)
    if not keys:
        raise ValueError("no key that can be used")
    return KeySelection(KeySet(keys), rejected)


def _rejection_reason(key: object) -> str | None:
    """Why this is no key of ours, by what it says of itself."""
    if not isinstance(key, dict):
        return "malformed"
    kind, kid, operations = key.get("kty"), key.get("kid"), key.get("key_ops")
    if not isinstance(kind, str) or kind not in _PUBLIC_PARAMETERS:
        return "another-kind"
    if kind in _CURVES and key.get("crv") != _CURVES[kind]:
        return "another-curve"
    if key.get("use", "sig") != "sig" or (operations is not None and "verify" not in _as_list(operations)):
        return "another-use"
    if "alg" in key and KEY_TYPES.get(_algorithm(key)) != kind:
        return "another-algorithm"
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _MAX_KID_LENGTH):
        return "malformed"
    if "d" in key:
        return "private"
    return "too-short" if kind == "RSA" and _bits(key.get("n")) < _RSA_BITS else None


def _algorithm(key: Mapping[str, Any]) -> str:
    """The algorithm that the key is for. `EdDSA`, which no token may name, is Ed25519 with a key of ours (RFC 9864)."""
    algorithm = key["alg"]
    if not isinstance(algorithm, str):
        return ""
    return "Ed25519" if algorithm == "EdDSA" else algorithm


def _bits(number: object) -> int:
    """How long a number is, as a key has it; 0 where it is none."""
    try:
        return int.from_bytes(urlsafe_b64decode(f"{number}==" if isinstance(number, str) else "")).bit_length()
    except ValueError:
        return 0


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _import_key(jwk: Mapping[str, Any]) -> RSAKey | ECKey | OKPKey | None:
    """The key, of its public parts alone; None where they are none."""
    kinds: Mapping[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = jwk["kty"]
    try:
        parts = {name: str(jwk[name]) for name in _PUBLIC_PARAMETERS[kind]}
        kid = {"kid": jwk["kid"]} if jwk.get("kid") is not None else {}
        # A key is used with the algorithm that it is for, and with no other (RFC 8725, 3.1).
        algorithm = {"alg": _algorithm(jwk)} if "alg" in jwk else {}
        key: RSAKey | ECKey | OKPKey = kinds[kind].import_key({"kty": kind, **parts, **kid, **algorithm})
        _ = key.public_key  # numbers that are no key show only here
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    return key
