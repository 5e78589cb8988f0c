"""Whether a JWT is what its issuer signed, for this audience, now: tokens of all kinds (RFC 7519, RFC 8725)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import BadSignatureError, InvalidClaimError, InvalidKeyIdError, InvalidPayloadError, JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from pathline_gateway.auth.jwk_selection import KEY_TYPES
from pathline_gateway.auth.jwks import Keys
from pathline_gateway.auth.session import LEEWAY_S

UNSPECIFIC_TYPES: Final = frozenset(("", "jwt"))
"""What a header `typ` says that says nothing of what a token is for."""
_REQUIRED_CLAIMS: Final = ("iss", "sub", "aud", "exp", "iat")
_TIME_CLAIMS: Final = ("exp", "iat", "nbf")
_MAX_TIME: Final = 253_402_300_799
"""The end of the year 9999: a larger number is no time, and overflows where it is computed with."""
_MAX_LENGTH: Final = 16_384


class _Registry(JWSRegistry):
    """Room for a key id of any length that `jwk_selection` takes, and for signatures of long RSA keys."""

    max_header_length = 4_096
    max_signature_length = 2_048


# The algorithms belong here: where `joserfc` is given a registry, it does not look at its argument `algorithms`. Names
# in a header that nobody knows are no error (RFC 7515, 4).
_REGISTRY: Final = _Registry(algorithms=tuple(KEY_TYPES), strict_check_header=False)


class TokenRejected(Exception):
    """The token is not believed. `reason` is for the log."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class ExpectedJwt:
    """What a JWT must be, whoever shows it."""

    issuer: str
    audience: str
    """One of those it is for."""
    types: frozenset[str]
    """What its header `typ` may say, in lower case, without `application/`; "" where it may say nothing."""


class VerifiedJwt(NamedTuple):
    """What a JWT says that is believed."""

    type: str
    """Its header `typ`, in lower case, without `application/`; "" where there is none."""
    claims: Mapping[str, Any]


async def verify_jwt(token: str, keys: Keys, expected: ExpectedJwt, now: float) -> VerifiedJwt:
    """What the token says. Raises TokenRejected, or IssuerUnavailable.

    The issuer's keys are asked for only where the header may be right: `Keys` may have to fetch them.
    """
    with _rejecting():
        unverified = _parse(token)
        header_type = _check_header(unverified, expected)
    key_set = await keys.current(unverified.protected.get("kid"))
    with _rejecting():
        key = _find_key(key_set, unverified.protected)
        if not jws.validate_compact(unverified, key, registry=_REGISTRY):
            raise BadSignatureError
        claims = _parse_claims(unverified.payload)
        _check_claims(claims, expected, now)
    return VerifiedJwt(header_type, claims)


@contextlib.contextmanager
def _rejecting() -> Iterator[None]:
    """Whatever a sender's bytes make the library or the parser raise is a refusal."""
    try:
        yield
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRejected(_describe(error)) from None


def _describe(error: Exception) -> str:
    """Its kind and the claim concerned; the message itself may hold what somebody sent."""
    claim = getattr(error, "claim", None)
    return type(error).__name__ if claim is None else f"{type(error).__name__} ({claim})"


def _parse(token: str) -> CompactSignature:
    if len(token) > _MAX_LENGTH:
        raise TokenRejected("too long")
    unverified = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY)
    if not isinstance(unverified.protected, dict):  # any JSON that contains "alg", for all that the library looks at
        raise TokenRejected("its header is no object")
    return unverified


def _check_header(unverified: CompactSignature, expected: ExpectedJwt) -> str:
    """Its type."""
    header = unverified.protected
    if "crit" in header:
        # The library knows some extensions, among them payloads that are no base64, which no JWT has (RFC 7797, 7).
        raise TokenRejected("its header has extensions (crit)")
    _REGISTRY.check_header(header)
    _REGISTRY.get_alg(header["alg"])
    header_type: str = header.get("typ", "").lower().removeprefix("application/")
    if header_type not in expected.types:
        raise TokenRejected("another kind of token (typ)")
    return header_type


def _find_key(keys: KeySet, header: Mapping[str, Any]) -> Key:
    """The key that it names, of its algorithm: keys of different kinds may share an id (RFC 7517, 4.5)."""
    kid, algorithm = header.get("kid"), header["alg"]
    for key in keys:
        is_named = key.kid == kid if kid is not None else len(keys.keys) == 1
        if is_named and key.key_type == KEY_TYPES[algorithm] and key.alg in (None, algorithm):
            return key
    raise InvalidKeyIdError


def _parse_claims(payload: bytes) -> dict[str, Any]:
    claims = json.loads(payload.decode("utf-8"), object_pairs_hook=_unique_names)
    if not isinstance(claims, dict):
        raise InvalidPayloadError
    return claims


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers do not agree on which of two claims with one name counts, so neither does (RFC 7519, 4)."""
    claims = dict(pairs)
    if len(claims) != len(pairs):
        raise TokenRejected("a claim is there twice")
    return claims


def _check_claims(claims: dict[str, Any], expected: ExpectedJwt, now: float) -> None:
    options: dict[str, Any] = {name: {"essential": True} for name in _REQUIRED_CLAIMS}
    options["iss"]["value"], options["aud"]["value"] = expected.issuer, expected.audience
    JWTClaimsRegistry(now=int(now), leeway=LEEWAY_S, **options).validate(claims)
    for name in _TIME_CLAIMS:
        if not -_MAX_TIME <= claims.get(name, 0) <= _MAX_TIME:
            raise InvalidClaimError(name)
