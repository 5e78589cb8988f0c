"""Signing in at somebody else's issuer: found by discovery, asked with PKCE, and believed for what it signs alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.auth.foreign_issuer import SECRET, ForeignIssuer, foreign_issuer
from gateway.auth.hostile_tokens import HOSTILE, Signer
from pathline_gateway.auth.bearer_token import BearerTokens, TokenClaims
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.jwks import DiscoveredKeys, IssuerUnavailable
from pathline_gateway.auth.jwt_verification import TokenRejected
from pathline_gateway.auth.login_attempt import LoginAttempt
from pathline_gateway.auth.oidc_client import Client, Provider
from support.gateways.secured import Secured, secured
from support.gateways.up_command import wait_until

REDIRECT = "https://pathline.example/sign-in/callback"


@pytest.fixture
def issuer() -> Iterator[ForeignIssuer]:
    with foreign_issuer() as up:
        yield up


def provider(issuer: ForeignIssuer, secret: str = SECRET) -> Provider:
    return Provider(issuer.url, Client("pathline", secret, REDIRECT), DiscoveredKeys(issuer.url))


@pytest.mark.parametrize("by_basic", [True, False])
async def test_somebody_signs_in_at_a_foreign_issuer(issuer: ForeignIssuer, by_basic: bool) -> None:
    issuer.by_basic = by_basic
    asked, attempt = provider(issuer), LoginAttempt.start("/desk/contact")
    at = await asked.authorization_url(attempt)
    assert at is not None
    assert at.startswith(f"{issuer.url}/authorize?realm=x&response_type=code")
    assert attempt.verifier not in at
    assert issuer.back(at)["state"] == attempt.state
    token = await asked.exchange_code("the-code", attempt)
    caller = await BearerTokens(TokenClaims(issuer.url, "pathline"), asked.keys, b"k" * 32).authenticate(token)
    assert (caller.org, caller.roles) == ("food-bank", frozenset((Role.PUBLISHER,)))


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        ({"nonce": "another"}, "it answers another attempt (nonce)"),
        ({"nonce": None}, "it answers another attempt (nonce)"),
        ({"nonce": {}}, "it answers another attempt (nonce)"),
        ({"azp": "another"}, "it was made for another client (azp)"),
        ({"aud": "another"}, "InvalidClaimError (aud)"),
        ({"iss": "https://elsewhere.example"}, "InvalidClaimError (iss)"),
        ({"exp": 1}, "ExpiredTokenError (exp)"),
        ({"exp": None}, "MissingClaimError (exp)"),
        ({"iat": None}, "MissingClaimError (iat)"),
        ({"sub": None}, "MissingClaimError (sub)"),
    ],
)
async def test_an_id_token_that_is_not_for_this_attempt_is_refused(
    issuer: ForeignIssuer, identity: dict[str, Any], reason: str
) -> None:
    issuer.identity = identity
    assert await refusal(issuer) == f"its id token: {reason}"


async def test_a_list_with_the_nonce_of_an_attempt_is_none(issuer: ForeignIssuer) -> None:
    asked, attempt = provider(issuer), LoginAttempt.start("")
    issuer.back(await asked.authorization_url(attempt) or "")
    issuer.identity = {"nonce": [attempt.nonce, "another"]}
    with pytest.raises(TokenRejected, match="nonce"):
        await asked.exchange_code("the-code", attempt)


@pytest.mark.parametrize("kind", ["at+jwt", "logout+jwt"])
async def test_what_the_issuer_signs_for_another_end_is_no_id_token(issuer: ForeignIssuer, kind: str) -> None:
    issuer.identity_kind = kind
    assert await refusal(issuer) == "its id token: another kind of token (typ)"


async def refusal(issuer: ForeignIssuer) -> str:
    """Why nobody signs in with what this issuer answers."""
    asked, attempt = provider(issuer), LoginAttempt.start("")
    issuer.back(await asked.authorization_url(attempt) or "")
    with pytest.raises(TokenRejected) as refused:
        await asked.exchange_code("the-code", attempt)
    return refused.value.reason


async def test_what_the_issuer_refuses_is_refused(issuer: ForeignIssuer) -> None:
    asked, attempt = provider(issuer), LoginAttempt.start("")
    issuer.back(await asked.authorization_url(attempt) or "")
    with pytest.raises(TokenRejected):
        await asked.exchange_code("another-code", attempt)
    with pytest.raises(TokenRejected):
        await asked.exchange_code("the-code", LoginAttempt.start(""))
    with pytest.raises(TokenRejected):
        await provider(issuer, "another secret").exchange_code("the-code", attempt)


async def test_an_issuer_without_a_page_to_sign_in_at_has_none(issuer: ForeignIssuer) -> None:
    for endpoint in (None, "javascript:alert(1)", "/relative"):
        issuer.described = {"authorization_endpoint": endpoint}
        assert await provider(issuer).authorization_url(LoginAttempt.start("")) is None


async def test_an_issuer_that_speaks_for_another_or_is_away_is_not_asked(issuer: ForeignIssuer) -> None:
    issuer.described = {"issuer": "https://elsewhere.example"}
    with pytest.raises(IssuerUnavailable):
        await provider(issuer).authorization_url(LoginAttempt.start(""))
    away = Provider("http://127.0.0.1:1", Client("pathline", None, REDIRECT), DiscoveredKeys("http://127.0.0.1:1"))
    with pytest.raises(IssuerUnavailable):
        await away.authorization_url(LoginAttempt.start(""))


@pytest.fixture
def gateway(issuer: ForeignIssuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secured]:
    monkeypatch.setenv("PATHLINE_ISSUER", issuer.url)
    monkeypatch.setenv("PATHLINE_PUBLIC_URL", "https://pathline.example")
    monkeypatch.setenv("PATHLINE_CLIENT_SECRET", SECRET)
    with secured(tmp_path) as up:
        yield up


def test_a_gateway_with_a_foreign_issuer_sends_browsers_there_and_keeps_what_they_bring(
    gateway: Secured, issuer: ForeignIssuer
) -> None:
    at = gateway.http.get("/sign-in", params={"to": "/desk/referrals"})
    back = issuer.back(at.headers["location"])
    assert issuer.told["redirect_uri"] == REDIRECT
    # Its cookies are for https, which a proxy in front of it would speak.
    kept = {"cookie": at.headers["set-cookie"].partition(";")[0]}
    answer = gateway.http.get("/sign-in/callback", params=back, headers=kept)
    assert "url=/desk/referrals" in answer.text, answer.text
    session = next(each for each in answer.headers.get_list("set-cookie") if "pathline-session" in each)
    assert session.startswith("__Host-pathline-session=")
    assert "Path=/;" in session
    assert "Secure" in session
    assert "Domain" not in session
    assert kept["cookie"].startswith("__Host-pathline-signing-in=")
    shown = session.partition(";")[0]
    assert "Food bank" in gateway.http.get("/desk", headers={"cookie": shown}).text
    assert SECRET not in gateway.output()
    assert shown.partition("=")[2] not in gateway.output()


def test_a_gateway_whose_issuer_has_no_page_asks_for_a_token(gateway: Secured, issuer: ForeignIssuer) -> None:
    issuer.described = {"authorization_endpoint": None}
    answer = gateway.http.get("/sign-in")
    assert answer.status_code == 200
    assert '<textarea id="token"' in answer.text


def test_where_browsers_come_by_tls_they_are_told_to_come_so_always_and_keep_cookies_for_this_host(
    gateway: Secured, issuer: ForeignIssuer
) -> None:
    for path in ("/healthz", "/sign-in", "/v1/status", "/console/static/console.css"):
        said = gateway.http.get(path).headers["strict-transport-security"]
        assert said == "max-age=31536000", path
    plain = {"cookie": f"pathline-session={issuer.access_token()}"}
    hosts = {"cookie": f"__Host-pathline-session={issuer.access_token()}"}
    assert gateway.http.get("/desk", headers=plain).status_code == 303  # a neighbour could have set it
    assert gateway.http.get("/desk", headers=hosts).status_code == 200


def test_an_id_token_of_the_issuer_is_no_access_token(gateway: Secured, issuer: ForeignIssuer) -> None:
    """Its audience is our client id, which is our audience, too."""
    issuer.identity = {"nonce": None, "pathline_roles": ["operator"]}
    for token, status in ((issuer.id_token(), 401), (issuer.access_token(), 403)):
        assert gateway.http.get("/v1/status", headers={"authorization": f"Bearer {token}"}).status_code == status


def _is_printed(gateway: Secured, line: str) -> bool:
    return line in gateway.output()


def test_hostile_tokens_are_all_answered_alike_and_the_log_says_why(gateway: Secured, issuer: ForeignIssuer) -> None:
    signer = Signer(issuer.url, issuer.key, int(time.time()))
    assert status(gateway, signer.sign_claims()).status_code == 403  # believed, and no operator's
    answers = {}
    for name in SAMPLE:
        make, reason = HOSTILE[name]
        answer = status(gateway, make(signer))
        answers[name] = (answer.status_code, answer.headers["www-authenticate"], answer.text)
        line = f"a token was refused: {reason}"
        wait_until(partial(_is_printed, gateway, line), reason, 30)
    assert len(set(answers.values())) == 1, answers
    code, challenge, text = answers["one part"]
    assert (code, challenge, "not-signed-in" in text) == (401, "Bearer", True)
    assert "food-bank" not in gateway.output()


def test_a_name_that_is_no_text_is_somebody(gateway: Secured, issuer: ForeignIssuer) -> None:
    """JSON may have half a character, of which UTF-8 has none."""
    signer = Signer(issuer.url, issuer.key, int(time.time()))
    token = signer.sign_claims(sub="\ud800", pathline_roles=["operator"], pathline_org=None)
    assert status(gateway, token).status_code == 200


SAMPLE = (
    "one part",
    "a header of text",
    "a header of a list",
    "alg: none",
    "alg: HS256, the public key as the secret",
    "signed by another, under the right id",
    "crit: an extension of nobody",
    "claims: one of them twice",
    "claims: without end",
    "aud: others",
    "exp: huge",
    "expired",
)


def status(gateway: Secured, token: str) -> httpx.Response:
    return gateway.http.get("/v1/status", headers={"authorization": f"Bearer {token}"})
