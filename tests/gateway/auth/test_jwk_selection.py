"""Of the keys that an issuer publishes those are used that can be, whatever stands beside them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from pathline_gateway.auth.jwk_selection import select_keys


def public(key: Any, **other: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **other}


EC = ECKey.generate_key("P-256", {"kid": "ec"})
GOOD = [public(EC), public(RSAKey.generate_key(2048, {"kid": "rsa"})), public(OKPKey.generate_key("Ed25519"))]
"""Keys that are used."""


def short() -> dict[str, Any]:
    """An RSA key of a length that anybody can afford to break."""
    numbers = rsa.generate_private_key(65_537, 1_024).public_key().public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    return {"kty": "RSA", "kid": "short", "n": text(numbers.n.to_bytes(size, "big")), "e": "AQAB"}


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def brainpool() -> dict[str, Any]:
    numbers = ec.generate_private_key(ec.BrainpoolP256R1()).public_key().public_numbers()
    x, y = (text(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "BP-256", "kid": "brainpool", "x": x, "y": y}


BAD: dict[str, Any] = {
    "brainpool": brainpool(),
    "another curve": public(ECKey.generate_key("P-521")),
    "secp256k1": public(ECKey.generate_key("secp256k1")),
    "Ed448": public(OKPKey.generate_key("Ed448")),
    "X25519": public(OKPKey.generate_key("X25519")),
    "use: tls": public(EC, use="tls"),
    "use: enc": public(EC, use="enc"),
    "use: a list": public(EC, use=["sig"]),
    "for signing alone": public(EC, key_ops=["sign"]),
    "key_ops: a text": public(EC, key_ops="verify"),
    "another algorithm": public(EC, alg="ES512"),
    "an algorithm of another kind": public(EC, alg="RS256"),
    "alg: a list": public(EC, alg=["ES256"]),
    "a number as kid": public(EC, kid=7),
    "an empty kid": public(EC, kid=""),
    "a long kid": public(EC, kid="x" * 5_000),
    "a kid of objects": public(EC, kid={"a": 1}),
    "a secret": OctKey.generate_key(256).as_dict(private=True),
    "a private key": EC.as_dict(private=True),
    "too short": short(),
    "without its numbers": {"kty": "RSA", "kid": "x"},
    "numbers that are none": {"kty": "RSA", "kid": "x", "n": 7, "e": [1]},
    "not on the curve": public(EC, x=text(bytes(32))),
    "no base64": public(EC, y="§"),
    "an even exponent": {**GOOD[1], "e": "Ag"},
    "an exponent of one": {**GOOD[1], "e": "AQ"},
    "of no kind": {"kid": "x"},
    "a kind that is none": {"kty": ["RSA"]},
    "nothing": None,
    "a number": 7,
    "a text": "key",
    "a list": [[]],
}


@pytest.mark.parametrize("name", BAD)
def test_a_key_that_cannot_be_used_is_left_out_and_counted(name: str) -> None:
    found = select_keys({"keys": [BAD[name], *GOOD, BAD[name]]})
    assert len(found.keys.keys) == 3
    assert sum(found.rejected.values()) == 2


@given(st.lists(st.sampled_from(list(BAD.values())), max_size=12), st.permutations(GOOD))
def test_what_can_be_used_is(bad: list[Any], good: list[Any]) -> None:
    mixed = [each for pair in zip(good, [bad[:4], bad[4:8], bad[8:]], strict=True) for each in (pair[0], *pair[1])]
    found = select_keys({"keys": mixed})
    assert len(found.keys.keys) == len(GOOD)
    assert {"ec", "rsa"} <= {key.kid for key in found.keys.keys}
    token = jwt.encode({"alg": "ES256", "kid": "ec"}, {"a": 1}, EC, algorithms=["ES256"])
    assert jwt.decode(token, found.keys, algorithms=["ES256"]).claims == {"a": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["kty", "kid", "use", "alg", "crv", "x", "y", "n", "e", "key_ops", "d"]), JSON
)


@given(st.lists(JSON | MEMBERS | MEMBERS.map(lambda odd: GOOD[0] | odd), max_size=5))
def test_whatever_else_is_published_a_good_key_is_used(odd: list[Any]) -> None:
    found = select_keys({"keys": [*odd, GOOD[1]]})
    assert "rsa" in {key.kid for key in found.keys.keys}
    assert len(found.keys.keys) + sum(found.rejected.values()) == len(odd) + 1


@pytest.mark.parametrize("set_", [None, [], {}, {"keys": {}}, {"keys": []}, {"keys": [BAD["too short"]]}])
def test_a_set_of_which_nothing_can_be_used_is_none(set_: object) -> None:
    with pytest.raises(ValueError, match=r"key|JWK"):
        select_keys(set_)


def test_of_a_set_without_end_only_the_beginning_is_looked_at() -> None:
    found = select_keys({"keys": [GOOD[0]] * 5_000})
    assert found.rejected["too-many"] == 4_800
