"""One function says whether a JWT is believed; what it refuses it refuses for what is wrong, and never otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from gateway.auth.hostile_tokens import AUDIENCE, HOSTILE, Signer, sign, to_json
from pathline_gateway.auth.jwk_selection import select_keys
from pathline_gateway.auth.jwks import OwnKeys
from pathline_gateway.auth.jwt_verification import ExpectedJwt, TokenRejected, VerifiedJwt, verify_jwt

NOW = 1_772_000_000
SIGNER = Signer("https://issuer.example/realm", ECKey.generate_key("P-256", {"kid": "one"}), NOW)
EXPECTED = ExpectedJwt(SIGNER.issuer, AUDIENCE, frozenset(("", "jwt", "at+jwt")))
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})


async def verify(token: str, *keys: Any, now: float = NOW) -> VerifiedJwt:
    return await verify_jwt(token, OwnKeys(KeySet(list(keys or (SIGNER.key, RSA)))), EXPECTED, now)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_token_is_refused_for_what_is_wrong_with_it(name: str) -> None:
    make, reason = HOSTILE[name]
    with pytest.raises(TokenRejected) as refused:
        await verify(make(SIGNER))
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "token",
    [
        SIGNER.sign_claims(),
        SIGNER.sign_claims(aud=["another", "pathline"]),
        SIGNER.sign_claims(exp=NOW - 29),
        SIGNER.sign_claims(exp=NOW + 0.5, iat=NOW - 0.5, nbf=NOW - 0.5),
        SIGNER.sign_claims(iat=NOW + 29, nbf=NOW + 29),
        SIGNER.sign_header(typ=None),
        SIGNER.sign_header(typ="APPLICATION/AT+JWT"),
        SIGNER.sign_header(b64=True),
        SIGNER.sign_header(nonce="a name that nobody knows"),
        SIGNER.sign_header(x5c=["x" * 2_000]),
    ],
)
async def test_whatever_a_right_token_looks_like_it_is_believed(token: str) -> None:
    assert (await verify(token)).claims["sub"] == "client-7"


async def test_the_type_is_told_as_rfc_7515_compares_it() -> None:
    for typ, told in ((None, ""), ("JWT", "jwt"), ("application/at+JWT", "at+jwt")):
        assert (await verify(SIGNER.sign_header(typ=typ))).type == told


class NoKeys:
    """An issuer that nobody may trouble."""

    async def current(self, kid: str | None) -> KeySet:
        raise AssertionError("the issuer is asked for keys")


@pytest.mark.parametrize(
    "name", [name for name, (_, why) in HOSTILE.items() if "crit" in why or "typ" in why or "Algorithm" in why]
)
async def test_keys_are_not_asked_for_where_the_header_is_wrong(name: str) -> None:
    with pytest.raises(TokenRejected):
        await verify_jwt(HOSTILE[name][0](SIGNER), NoKeys(), EXPECTED, NOW)


async def test_a_token_that_names_no_key_is_looked_at_with_the_only_one() -> None:
    token = SIGNER.sign_header(kid=None)
    assert (await verify(token, SIGNER.key)).claims["sub"] == "client-7"
    with pytest.raises(TokenRejected, match="InvalidKeyIdError"):
        await verify(token, SIGNER.key, RSA)


async def test_keys_of_different_kinds_may_share_an_id() -> None:
    made = [RSAKey.generate_key(2048, {"kid": "one"}), OKPKey.generate_key("Ed25519", {"kid": "one"}), SIGNER.key]
    for keys in (made, made[::-1]):
        for key, algorithm in zip(made, ("PS256", "Ed25519", "ES256"), strict=True):
            token = sign(to_json(SIGNER.header(alg=algorithm)), to_json(SIGNER.claims()), key, algorithm)
            assert (await verify(token, *keys)).claims["sub"] == "client-7"


@pytest.mark.parametrize(
    ("key", "says", "algorithm", "is_believed"),
    [
        (RSA, "RS256", "RS256", True),
        (RSA, "PS256", "PS256", True),
        (RSA, "PS256", "RS256", False),
        (RSA, None, "PS256", True),
        (OKPKey.generate_key("Ed25519", {"kid": "okp"}), "EdDSA", "Ed25519", True),
    ],
)
async def test_a_published_key_is_good_for_the_algorithm_that_it_says(
    key: Any, says: str | None, algorithm: str, is_believed: bool
) -> None:
    published = {**key.as_dict(private=False), **({} if says is None else {"alg": says})}
    found = select_keys({"keys": [published, SIGNER.key.as_dict(private=False)]})
    token = sign(to_json(SIGNER.header(alg=algorithm, kid=key.kid)), to_json(SIGNER.claims()), key, algorithm)
    if is_believed:
        assert (await verify(token, *found.keys)).claims["sub"] == "client-7"
    else:
        with pytest.raises(TokenRejected, match="InvalidKeyIdError"):
            await verify(token, *found.keys)


async def test_a_key_id_of_any_length_that_is_taken_from_an_issuer_can_be_named() -> None:
    key = ECKey.generate_key("P-256", {"kid": "k" * 1_000})
    found = select_keys({"keys": [key.as_dict(private=False)]})
    assert (await verify(SIGNER.sign_header(key, kid=key.kid), *found.keys)).claims["sub"] == "client-7"


@given(st.integers(0, 10_000), st.characters())
async def test_no_character_of_a_token_can_be_another(position: int, character: str) -> None:
    token = SIGNER.sign_claims()
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    if changed != token:
        with pytest.raises(TokenRejected):
            await verify(changed)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
HEADERS = st.dictionaries(st.sampled_from(sorted({*JWSRegistry.default_header_registry, "x"})), JSON, max_size=3)
CLAIMS = st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "typ"]), JSON, max_size=3)


@given(st.binary(max_size=60) | JSON.map(to_json), st.binary(max_size=60) | JSON.map(to_json))
async def test_whatever_is_signed_is_refused_where_it_is_no_token(header: bytes, payload: bytes) -> None:
    with pytest.raises(TokenRejected):
        await verify(sign(header, payload, SIGNER.key))


@given(HEADERS, CLAIMS)
async def test_whatever_a_signed_token_says_it_is_right_or_refused(header: dict[str, Any], claims: Any) -> None:
    """Nothing else is raised: it would be an internal error, which a sender could have at will."""
    token = sign(to_json(SIGNER.header() | header), to_json(SIGNER.claims() | claims), SIGNER.key)
    try:
        believed = (await verify(token)).claims
    except TokenRejected:
        return
    assert believed["iss"] == SIGNER.issuer
    audiences = believed["aud"]
    assert AUDIENCE in (audiences if isinstance(audiences, list) else [audiences])
    assert isinstance(believed["sub"], str)
    assert believed["iat"] - 30 <= NOW < believed["exp"] + 30
