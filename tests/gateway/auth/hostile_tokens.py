"""Tokens that nobody may believe, each with the reason for which it is refused."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry

AUDIENCE = "pathline"


@dataclass(frozen=True)
class Signer:
    """An issuer: its key, and what a right access token of it says now."""

    issuer: str
    key: ECKey
    now: int

    def claims(self, **other: Any) -> dict[str, Any]:
        """Right ones, but for these; None leaves one out."""
        right: dict[str, Any] = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "client-7",
            "iat": self.now - 10,
            "exp": self.now + 600,
            "pathline_roles": ["publisher"],
            "pathline_org": "food-bank",
        }
        return {name: value for name, value in (right | other).items() if value is not None}

    def header(self, **other: Any) -> dict[str, Any]:
        """A right one, but for these; None leaves one out."""
        right = {"alg": "ES256", "kid": self.key.kid, "typ": "at+jwt"} | other
        return {name: value for name, value in right.items() if value is not None}

    def sign_claims(self, **other: Any) -> str:
        """A token that is signed, and says this."""
        return sign(to_json(self.header()), to_json(self.claims(**other)), self.key)

    def sign_header(self, key: Any = None, **other: Any) -> str:
        """A token with right claims, and with this in its header."""
        return sign(to_json(self.header(**other)), to_json(self.claims()), key or self.key)


def to_json(value: object) -> bytes:
    return json.dumps(value).encode()


def base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def sign(header: bytes, payload: bytes, key: Any, algorithm: str = "ES256") -> str:
    """A JWT of these bytes, whatever they are, with a signature that is right."""
    text = f"{base64url(header)}.{base64url(payload)}"
    signature = JWSRegistry.algorithms[algorithm].sign(text.encode(), key)
    return f"{text}.{base64url(signature)}"


_OTHER = ECKey.generate_key("P-256", {"kid": "other"})


def _signed_with_public_key(signer: Signer) -> str:
    """The public key as a shared secret, for whoever looks only at `alg`."""
    text = f"{base64url(to_json(signer.header(alg='HS256')))}.{base64url(to_json(signer.claims()))}"
    return f"{text}.{base64url(hmac.digest(signer.key.as_pem(private=False), text.encode(), 'sha256'))}"


def _edited_claims(signer: Signer) -> str:
    head, _, signature = signer.sign_claims().split(".")
    return f"{head}.{base64url(to_json(signer.claims(pathline_org='court')))}.{signature}"


def _der_signature(signer: Signer) -> str:
    """A signature as ASN.1 has it, and not RFC 7518."""
    text = signer.sign_claims().rpartition(".")[0]
    return f"{text}.{base64url(b'0' + bytes(69))}"


def _zero_signature(signer: Signer) -> str:
    return f"{signer.sign_claims().rpartition('.')[0]}.{base64url(bytes(64))}"


def _unencoded_payload(signer: Signer) -> str:
    """RFC 7797, which a JWT never is."""
    head = base64url(to_json(signer.header(b64=False, crit=["b64"])))
    payload = json.dumps(signer.claims(iss="x", pathline_org="court")).replace(".", "")
    text = f"{head}.{payload}"
    return f"{text}.{base64url(JWSRegistry.algorithms['ES256'].sign(text.encode(), signer.key))}"


def _with_payload(payload: Callable[[Signer], bytes]) -> Callable[[Signer], str]:
    return lambda signer: sign(to_json(signer.header()), payload(signer), signer.key)


def _with_raw_header(header: bytes) -> Callable[[Signer], str]:
    return lambda signer: sign(header, to_json(signer.claims()), signer.key)


def _with_claims(**claims: Any) -> Callable[[Signer], str]:
    return lambda signer: signer.sign_claims(**claims)


def _with_header(key: Any = None, **header: Any) -> Callable[[Signer], str]:
    return lambda signer: signer.sign_header(key, **header)


def _with_times(**after: float) -> Callable[[Signer], str]:
    """Times, as seconds from now."""
    return lambda signer: signer.sign_claims(**{name: signer.now + seconds for name, seconds in after.items()})


def _with_number(name: str, written: bytes) -> Callable[[Signer], str]:
    """Right claims, but for this one, which is written so."""

    def payload(signer: Signer) -> bytes:
        claims = signer.claims()
        claims.pop(name, None)
        return to_json(claims)[:-1] + b', "%s": %s}' % (name.encode(), written)

    return _with_payload(payload)


def _claims_as_utf_16(signer: Signer) -> bytes:
    return json.dumps(signer.claims()).encode("utf-16")


def _claim_twice(signer: Signer) -> bytes:
    return to_json(signer.claims())[:-1] + b', "pathline_org": "court"}'


_EXTENSIONS = "its header has extensions (crit)"
_KIND = "another kind of token (typ)"

HOSTILE: Mapping[str, tuple[Callable[[Signer], str], str]] = {
    # No JWT at all.
    "nothing": (lambda _: "", "DecodeError"),
    "one part": (lambda _: "x", "DecodeError"),
    "two parts": (lambda signer: signer.sign_claims().rpartition(".")[0], "DecodeError"),
    "four parts": (lambda signer: signer.sign_claims() + ".x", "DecodeError"),
    "five parts: encrypted": (lambda signer: signer.sign_claims() + ".x.x", "DecodeError"),
    "parts that are no base64": (lambda _: "a.b.c", "DecodeError"),
    "padded base64": (lambda signer: signer.sign_claims().replace(".", "=.", 1), "DecodeError"),
    "not ASCII": (lambda signer: signer.sign_claims() + "é", "UnicodeEncodeError"),
    "NUL": (lambda signer: signer.sign_claims() + "\0", "BadSignatureError"),
    "a line end": (lambda signer: signer.sign_claims() + "\n", "BadSignatureError"),
    "very long": (lambda signer: signer.sign_claims() + "A" * 20_000, "too long"),
    "a very long claim": (_with_claims(pathline_roles=["publisher", "x" * 20_000]), "too long"),
    "a long header": (_with_header(x="x" * 4_000), "ExceededSizeError"),
    "a long signature": (lambda signer: signer.sign_claims() + "A" * 2_000, "ExceededSizeError"),
    # Headers that are none.
    "a header of text": (_with_raw_header(b'"alg"'), "its header is no object"),
    "a header of a list": (_with_raw_header(b'["alg"]'), "its header is no object"),
    "a header of a list of two": (_with_raw_header(b'["alg", "b64"]'), "TypeError"),
    "a header of a number": (_with_raw_header(b"7"), "DecodeError"),
    "a header of nothing": (_with_raw_header(b"null"), "DecodeError"),
    "an empty header": (_with_raw_header(b"{}"), "MissingAlgorithmError"),
    "a header without end": (_with_raw_header(b'{"alg":' + b"[" * 3_000), "RecursionError"),
    # Another algorithm than the key is for.
    "alg: none": (lambda signer: signer.sign_header(alg="none").rpartition(".")[0] + ".", "UnsupportedAlgorithmError"),
    "alg: NONE": (lambda signer: signer.sign_header(alg="NONE").rpartition(".")[0] + ".", "UnsupportedAlgorithmError"),
    "alg: HS256, the public key as the secret": (_signed_with_public_key, "UnsupportedAlgorithmError"),
    "alg: es256": (_with_header(alg="es256"), "UnsupportedAlgorithmError"),
    "alg: ES512": (_with_header(alg="ES512"), "UnsupportedAlgorithmError"),
    "alg: EdDSA": (_with_header(alg="EdDSA"), "UnsupportedAlgorithmError"),
    "alg: RS256 with the key of ES256": (_with_header(alg="RS256"), "InvalidKeyIdError"),
    "alg: a list": (_with_header(alg=["ES256"]), "InvalidHeaderValueError"),
    "alg: a number": (_with_header(alg=7), "InvalidHeaderValueError"),
    # A key that the sender chose.
    "no signature": (lambda signer: signer.sign_claims().rpartition(".")[0] + ".", "BadSignatureError"),
    "a signature of zeros": (_zero_signature, "BadSignatureError"),
    "a signature as ASN.1": (_der_signature, "BadSignatureError"),
    "other claims than were signed": (_edited_claims, "BadSignatureError"),
    "signed by another, under the right id": (_with_header(_OTHER), "BadSignatureError"),
    "signed by another, with its key in the header": (
        _with_header(_OTHER, jwk=_OTHER.as_dict(private=False)),
        "BadSignatureError",
    ),
    "signed by another, with the address of its keys": (
        _with_header(_OTHER, jku="https://attacker.example/keys", x5u="https://attacker.example/chain"),
        "BadSignatureError",
    ),
    "kid: unknown": (_with_header(_OTHER, kid="other"), "InvalidKeyIdError"),
    "kid: empty": (_with_header(kid=""), "InvalidKeyIdError"),
    "kid: a path": (_with_header(kid="../../dev/null"), "InvalidKeyIdError"),
    "kid: a number": (_with_header(kid=7), "InvalidHeaderValueError"),
    "kid: a list": (_with_header(kid=["one"]), "InvalidHeaderValueError"),
    # Extensions that must be understood.
    "crit: an extension of nobody": (_with_header(crit=["x"], x=1), _EXTENSIONS),
    "crit: what is not there": (_with_header(crit=["exp"]), _EXTENSIONS),
    "crit: what needs no saying": (_with_header(crit=["alg"]), _EXTENSIONS),
    "crit: empty": (_with_header(crit=[]), _EXTENSIONS),
    "crit: a number": (_with_header(crit=7), _EXTENSIONS),
    "crit: null": (lambda signer: sign(b'{"alg":"ES256","crit":null}', b"{}", signer.key), _EXTENSIONS),
    "b64: false": (_unencoded_payload, _EXTENSIONS),
    "b64: false, and not critical": (_with_header(b64=False), "MissingCritHeaderError"),
    # What the issuer signs for other ends.
    "typ: logout+jwt": (_with_header(typ="logout+jwt"), _KIND),
    "typ: dpop+jwt": (_with_header(typ="dpop+jwt"), _KIND),
    "typ: application/secevent+jwt": (_with_header(typ="application/secevent+jwt"), _KIND),
    "typ: a number": (_with_header(typ=7), "InvalidHeaderValueError"),
    "typ: a list": (_with_header(typ=["at+jwt"]), "InvalidHeaderValueError"),
    # Claims that are none.
    "claims: no JSON": (_with_payload(lambda _: b"{"), "JSONDecodeError"),
    "claims: a list": (_with_payload(lambda _: b"[]"), "InvalidPayloadError"),
    "claims: text": (_with_payload(lambda _: b'"iss"'), "InvalidPayloadError"),
    "claims: null": (_with_payload(lambda _: b"null"), "InvalidPayloadError"),
    "claims: empty": (_with_payload(lambda _: b""), "JSONDecodeError"),
    "claims: UTF-16": (
        _with_payload(lambda signer: json.dumps(signer.claims()).encode("utf-16")),
        "UnicodeDecodeError",
    ),
    "claims: without end": (_with_payload(lambda _: b"[" * 9_000), "RecursionError"),
    "claims: one of them twice": (_with_payload(_claim_twice), "a claim is there twice"),
    "claims: a number of 5,000 digits": (_with_payload(lambda _: b'{"exp":' + b"9" * 5_000 + b"}"), "ValueError"),
    # Another issuer, another audience, nobody.
    "no iss": (_with_claims(iss=None), "MissingClaimError (iss)"),
    "iss: another": (_with_claims(iss="https://attacker.example"), "InvalidClaimError (iss)"),
    "iss: a list with it": (
        lambda signer: signer.sign_claims(iss=[signer.issuer]),
        "InvalidClaimError (iss)",
    ),
    "iss: with a slash more": (lambda signer: signer.sign_claims(iss=f"{signer.issuer}/"), "InvalidClaimError (iss)"),
    "no aud": (_with_claims(aud=None), "MissingClaimError (aud)"),
    "aud: another": (_with_claims(aud="another"), "InvalidClaimError (aud)"),
    "aud: in capitals": (_with_claims(aud="Pathline"), "InvalidClaimError (aud)"),
    "aud: others": (_with_claims(aud=["another", "pathline2"]), "InvalidClaimError (aud)"),
    "aud: nobody": (_with_claims(aud=[]), "InvalidClaimError (aud)"),
    "aud: a list with a number": (_with_claims(aud=["pathline", 7]), "InvalidClaimError (aud)"),
    "aud: an object": (_with_claims(aud={"pathline": True}), "InvalidClaimError (aud)"),
    "no sub": (_with_claims(sub=None), "MissingClaimError (sub)"),
    "sub: empty": (_with_claims(sub=""), "InvalidClaimError (sub)"),
    "sub: a number": (_with_claims(sub=7), "InvalidClaimError (sub)"),
    "sub: a list": (_with_claims(sub=["client-7"]), "InvalidClaimError (sub)"),
    "jti: a number": (_with_claims(jti=7), "InvalidClaimError (jti)"),
    # Another time, or none.
    "no exp": (_with_claims(exp=None), "MissingClaimError (exp)"),
    "no iat": (_with_claims(iat=None), "MissingClaimError (iat)"),
    "expired": (_with_times(exp=-31), "ExpiredTokenError (exp)"),
    "expired, as a fraction": (_with_times(exp=-31.5), "ExpiredTokenError (exp)"),
    "exp: long ago": (_with_claims(exp=-(10**300)), "ExpiredTokenError (exp)"),
    "exp: text": (lambda signer: signer.sign_claims(exp=str(signer.now + 600)), "InvalidClaimError (exp)"),
    "exp: true": (_with_claims(exp=True), "InvalidClaimError (exp)"),
    "exp: a list": (lambda signer: signer.sign_claims(exp=[signer.now + 600]), "InvalidClaimError (exp)"),
    "exp: infinite": (_with_claims(exp=float("inf")), "InvalidClaimError (exp)"),
    "exp: too large for a fraction": (_with_number("exp", b"1e999"), "InvalidClaimError (exp)"),
    "exp: no number": (_with_claims(exp=float("nan")), "InvalidClaimError (exp)"),
    "exp: huge": (_with_claims(exp=10**400), "InvalidClaimError (exp)"),
    "exp: huge, as a fraction": (_with_claims(exp=1e308), "InvalidClaimError (exp)"),
    "issued later": (_with_times(iat=120, exp=600), "InvalidClaimError (iat)"),
    "iat: true": (_with_claims(iat=True), "InvalidClaimError (iat)"),
    "iat: text": (_with_claims(iat="1"), "InvalidClaimError (iat)"),
    "iat: huge": (_with_claims(iat=10**400), "InvalidClaimError (iat)"),
    "iat: before any time": (_with_claims(iat=-(10**400)), "InvalidClaimError (iat)"),
    "not yet good": (_with_times(nbf=120), "InvalidClaimError (nbf)"),
    "nbf: text": (_with_claims(nbf="0"), "InvalidClaimError (nbf)"),
    "nbf: null": (_with_number("nbf", b"null"), "InvalidClaimError (nbf)"),
    "nbf: before any time": (_with_claims(nbf=-(10**400)), "InvalidClaimError (nbf)"),
}
"""By name, how it is made and why it is refused, in the words of the log."""
