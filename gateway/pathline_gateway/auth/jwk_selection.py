"""The keys of a JWK set that a token may be verified with; the others are left out, and why. Pure (RFC 7517)."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

_MOST: Final = 200
"""Keys of a set that are looked at."""
_LONGEST_ID: Final = 1_000
_RSA_BITS: Final = 2_048
_FOR: Final = {"RSA": ("RS256", "PS256"), "EC": ("ES256",), "OKP": ("Ed25519", "EdDSA")}
"""By kind, the algorithms that are believed and for which a key of it can be."""
_CURVES: Final = {"EC": "P-256", "OKP": "Ed25519"}
_PARTS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a set can be used."""

    keys: KeySet
    left_out: Mapping[str, int]
    """How many could not be, by why."""


def usable(found: object) -> Usable:
    """The keys of this set that are for our algorithms. Raises ValueError when there is none, or this is no set."""
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ValueError("not a JWK set")
    keys: list[Any] = []
    left_out = Counter({"too-many": len(listed) - _MOST} if len(listed) > _MOST else {})
    for each in listed[:_MOST]:
        why = _unusable(each)
        key = _imported(each) if why is None else None
        if key is None:
            left_out[why or "malformed"] += 1
        else:
            keys.append(key)
    if not keys:
        raise ValueError("no key that can be used")
    return Usable(KeySet(keys), left_out)


def _unusable(key: object) -> str | None:
    """Why this is no key of ours, by what it says of itself."""
    if not isinstance(key, dict):
        return "malformed"
    kind, kid, operations = key.get("kty"), key.get("kid"), key.get("key_ops")
    if not isinstance(kind, str) or kind not in _FOR:
        return "another-kind"
    if kind in _CURVES and key.get("crv") != _CURVES[kind]:
        return "another-curve"
    if key.get("use", "sig") != "sig" or (operations is not None and "verify" not in _listed(operations)):
        return "another-use"
    if "alg" in key and key["alg"] not in _FOR[kind]:
        return "another-algorithm"
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= _LONGEST_ID):
        return "malformed"
    if "d" in key:
        return "private"
    return "too-short" if kind == "RSA" and _bits(key.get("n")) < _RSA_BITS else None


def _bits(number: object) -> int:
    """How long a number is, as a key has it; 0 where it is none."""
    try:
        return int.from_bytes(urlsafe_b64decode(f"{number}==" if isinstance(number, str) else "")).bit_length()
    except ValueError:
        return 0


def _listed(said: object) -> list[object]:
    return said if isinstance(said, list) else []


def _imported(said: Mapping[str, Any]) -> RSAKey | ECKey | OKPKey | None:
    """The key, of its public parts alone; None where they are none."""
    kinds: Mapping[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    kind = said["kty"]
    try:
        parts = {name: str(said[name]) for name in _PARTS[kind]}
        kid = {"kid": said["kid"]} if said.get("kid") is not None else {}
        key: RSAKey | ECKey | OKPKey = kinds[kind].import_key({"kty": kind, **parts, **kid})
        _ = key.public_key  # numbers that are no key show only here
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    return key
