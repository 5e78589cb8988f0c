"""Signing in at somebody else's issuer: found by discovery, asked with PKCE, and believed for what it signs alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.auth.foreign_issuer import SECRET, ForeignIssuer, foreign_issuer
from pathline_gateway.auth.bearer_token import BearerTokens, TokenClaims, TokenRejected
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.jwks import DiscoveredKeys, IssuerUnavailable
from pathline_gateway.auth.login_attempt import LoginAttempt
from pathline_gateway.auth.oidc_client import Client, Provider
from support.gateways.secured import Secured, secured

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
    "identity",
    [{"nonce": "another"}, {"nonce": None}, {"aud": "another"}, {"iss": "https://elsewhere.example"}, {"exp": 1}],
)
async def test_an_id_token_that_is_not_for_this_attempt_is_refused(
    issuer: ForeignIssuer, identity: dict[str, Any]
) -> None:
    issuer.identity = identity
    asked, attempt = provider(issuer), LoginAttempt.start("")
    issuer.back(await asked.authorization_url(attempt) or "")
    with pytest.raises(TokenRejected, match="id token"):
        await asked.exchange_code("the-code", attempt)


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
