"""A token is believed when the issuer signed it, for us, now; and refused otherwise, whatever it looks like."""

from __future__ import annotations

import asyncio
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from pathline_gateway.auth import jwks
from pathline_gateway.auth.bearer_token import BearerTokens, TokenClaims
from pathline_gateway.auth.caller import Role
from pathline_gateway.auth.dev_issuer.issuer import CLIENT_ID, load_or_create_issuer
from pathline_gateway.auth.jwks import DiscoveredKeys, IssuerUnavailable, OwnKeys
from pathline_gateway.auth.jwt_verification import TokenRejected
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised

ISSUER = "https://issuer.example/realm"
CLAIMS = TokenClaims(ISSUER, "pathline")
ACCOUNTS = b"an instance secret of 32 bytes!!"
NOW = 1_772_000_000


def key(kind: type[RSAKey] | type[ECKey] | type[OKPKey] = ECKey) -> Any:
    made: Any = {RSAKey: (RSAKey, 2048), ECKey: (ECKey, "P-256"), OKPKey: (OKPKey, "Ed25519")}[kind]
    found = made[0].generate_key(made[1])
    found.ensure_kid()
    return found


KEY = key()
RSA = key(RSAKey)


def claims_of_a_publisher(**other: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "aud": "pathline",
        "sub": "client-7",
        "iat": NOW - 10,
        "exp": NOW + 600,
        "pathline_roles": ["publisher"],
        "pathline_org": "food-bank",
    } | other
    return {name: value for name, value in claims.items() if value is not None}


def signed(
    claims: dict[str, Any], by: Any = KEY, alg: str = "ES256", kid: str | None = None, typ: Any = "at+jwt"
) -> str:
    return jwt.encode({"alg": alg, "kid": kid or by.kid, "typ": typ}, claims, by, algorithms=[alg])


def bearer(*keys: Any) -> BearerTokens:
    return BearerTokens(CLAIMS, OwnKeys(KeySet(list(keys or (KEY,)))), ACCOUNTS, clock=lambda: NOW)


async def test_a_publisher_is_bound_to_its_organisation() -> None:
    caller = await bearer().authenticate(signed(claims_of_a_publisher()))
    assert (caller.roles, caller.org, caller.account) == (frozenset((Role.PUBLISHER,)), "food-bank", None)


@pytest.mark.parametrize(("kind", "alg"), [(ECKey, "ES256"), (RSAKey, "RS256"), (RSAKey, "PS256"), (OKPKey, "Ed25519")])
async def test_every_algorithm_that_we_name_is_read(kind: Any, alg: str) -> None:
    one = key(kind)
    token = signed(claims_of_a_publisher(), one, alg)
    assert (await bearer(one).authenticate(token)).org == "food-bank"


async def test_a_citizen_has_an_account_that_nobody_else_can_compute() -> None:
    caller = await bearer().authenticate(
        signed(claims_of_a_publisher(pathline_roles="citizen other", pathline_org=None, sub="ann"))
    )
    assert caller.account is not None
    assert caller.account.startswith("v1.")
    assert "ann" not in caller.account
    other = BearerTokens(CLAIMS, OwnKeys(KeySet([KEY])), b"another instance's secret, 32 by", clock=lambda: NOW)
    assert other.account_subject("ann") != caller.account == bearer().account_subject("ann")


def unsigned() -> str:
    parts = ({"alg": "none", "kid": KEY.kid, "typ": "at+jwt"}, claims_of_a_publisher())
    return ".".join(urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


def signed_with_the_public_key() -> str:
    parts = ({"alg": "HS256", "kid": RSA.kid, "typ": "at+jwt"}, claims_of_a_publisher())
    text = ".".join(urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
    signature = hmac.digest(RSA.as_pem(private=False), text.encode(), "sha256")
    return f"{text}.{urlsafe_b64encode(signature).decode().rstrip('=')}"


def tampered() -> str:
    head, _, signature = signed(claims_of_a_publisher()).split(".")
    forged = urlsafe_b64encode(json.dumps(claims_of_a_publisher(pathline_org="court")).encode()).decode().rstrip("=")
    return f"{head}.{forged}.{signature}"


@pytest.mark.parametrize(
    "token",
    [
        lambda: signed(claims_of_a_publisher(exp=NOW - 60)),
        lambda: signed(claims_of_a_publisher(exp=None)),
        lambda: signed(claims_of_a_publisher(iat=None)),
        lambda: signed(claims_of_a_publisher(iat=NOW + 600)),
        lambda: signed(claims_of_a_publisher(nbf=NOW + 600)),
        lambda: signed(claims_of_a_publisher(aud="another")),
        lambda: signed(claims_of_a_publisher(aud=None)),
        lambda: signed(claims_of_a_publisher(iss="https://issuer.example")),
        lambda: signed(claims_of_a_publisher(iss=None)),
        lambda: signed(claims_of_a_publisher(sub=None)),
        lambda: signed(claims_of_a_publisher(), key()),
        lambda: signed(claims_of_a_publisher(), key(), kid=KEY.kid),
        unsigned,
        signed_with_the_public_key,
        tampered,
        lambda: "",
        lambda: "a.b.c",
        lambda: "é" * 20,
        lambda: "x" * 20_000,
        lambda: signed(claims_of_a_publisher(pathline_roles=[])),
        lambda: signed(claims_of_a_publisher(pathline_roles=None)),
        lambda: signed(claims_of_a_publisher(pathline_roles=["root"])),
        lambda: signed(claims_of_a_publisher(pathline_roles={"operator": True})),
        lambda: signed(claims_of_a_publisher(pathline_org=None)),
        lambda: signed(claims_of_a_publisher(pathline_org="Food Bank")),
        lambda: signed(claims_of_a_publisher(pathline_org="pathline")),
        lambda: signed(claims_of_a_publisher(pathline_org="citizen")),
        lambda: signed(claims_of_a_publisher(pathline_roles=["operator"], pathline_org="pathline")),
        lambda: signed(claims_of_a_publisher(pathline_org=["food-bank"])),
        # What an issuer signs for other ends: who signed in, that somebody signed out, what needs a proof.
        lambda: signed(claims_of_a_publisher(), typ="JWT"),
        lambda: signed(claims_of_a_publisher(), typ=""),
        lambda: signed(claims_of_a_publisher(azp="pathline"), typ="JWT"),
        lambda: signed(claims_of_a_publisher(client_id="pathline", azp="reader"), typ="JWT"),
        lambda: signed(claims_of_a_publisher(client_id=["reader"]), typ="JWT"),
        lambda: signed(claims_of_a_publisher(client_id=""), typ="JWT"),
        lambda: signed(claims_of_a_publisher(client_id="reader"), typ="logout+jwt"),
        lambda: signed(claims_of_a_publisher(client_id="reader"), typ="dpop+jwt"),
        lambda: signed(claims_of_a_publisher(nonce="n")),
        lambda: signed(claims_of_a_publisher(nonce="")),
        lambda: signed(claims_of_a_publisher(at_hash="x")),
        lambda: signed(claims_of_a_publisher(c_hash="x")),
        lambda: signed(claims_of_a_publisher(events={"http://schemas.openid.net/event/backchannel-logout": {}})),
        lambda: signed(claims_of_a_publisher(events={})),
        lambda: signed(claims_of_a_publisher(cnf={"jkt": "x"})),
        lambda: signed(claims_of_a_publisher(cnf={})),
        lambda: signed(claims_of_a_publisher(typ="ID", azp="reader"), typ="JWT"),
        lambda: signed(claims_of_a_publisher(typ="Refresh", azp="reader"), typ="JWT"),
        lambda: signed(claims_of_a_publisher(token_use="id", client_id="reader"), typ="JWT"),
        # Made for too long, or for no time that can be told.
        lambda: signed(claims_of_a_publisher(exp=NOW + 86_401)),
        lambda: signed(claims_of_a_publisher(exp=NOW + 10 * 365 * 86_400)),
        lambda: signed(claims_of_a_publisher(iat=NOW - 86_400, exp=NOW + 600)),
        lambda: signed(claims_of_a_publisher(iat=-(10**9))),
        lambda: signed(claims_of_a_publisher(exp=1e308)),
        lambda: signed(claims_of_a_publisher(exp=True)),
        lambda: signed(claims_of_a_publisher(iat=True)),
        lambda: signed(claims_of_a_publisher(exp=str(NOW + 600))),
        lambda: signed(claims_of_a_publisher(sub=["client-7"])),
        lambda: signed(claims_of_a_publisher(sub="")),
        lambda: signed(claims_of_a_publisher(sub="x" * 2_000)),
    ],
)
async def test_anything_else_is_refused(token: Callable[[], str]) -> None:
    with pytest.raises(TokenRejected) as refused:
        await bearer(KEY, RSA).authenticate(token())
    assert "food-bank" not in str(refused.value)


@pytest.mark.parametrize(
    ("typ", "client"),
    [
        ("at+jwt", {}),
        ("AT+JWT", {}),
        ("application/at+jwt", {"client_id": "pathline"}),
        ("JWT", {"azp": "reader"}),
        ("JWT", {"azp": "reader", "typ": "Bearer", "sid": "s", "session_state": "s", "acr": "1"}),
        ("JWT", {"client_id": "reader", "token_use": "access"}),
    ],
)
async def test_an_access_token_is_one_by_its_type_or_its_client(typ: str, client: dict[str, Any]) -> None:
    assert (await bearer().authenticate(signed(claims_of_a_publisher(**client), typ=typ))).org == "food-bank"


async def test_a_lifetime_is_what_the_operator_says() -> None:
    short = TokenClaims(ISSUER, "pathline", lifetime_s=600)
    reads = BearerTokens(short, OwnKeys(KeySet([KEY])), ACCOUNTS, clock=lambda: NOW)
    assert (await reads.authenticate(signed(claims_of_a_publisher(iat=NOW, exp=NOW + 600)))).org == "food-bank"
    with pytest.raises(TokenRejected):
        await reads.authenticate(signed(claims_of_a_publisher(iat=NOW, exp=NOW + 601)))


async def test_the_issuer_of_one_machine_makes_access_tokens_and_id_tokens_that_are_none(tmp_path: Path) -> None:
    issuer = load_or_create_issuer(tmp_path, "http://127.0.0.1:8080/issuer")
    reads = BearerTokens(issuer.claims, OwnKeys(issuer.keys), ACCOUNTS)
    assert (await reads.authenticate(issuer.issue_token([Role.PUBLISHER], "food-bank", "x"))).org == "food-bank"
    for nonce in ("n", None):
        with pytest.raises(TokenRejected):
            await reads.authenticate(issuer.issue_id_token(CLIENT_ID, "x", nonce))


class Published:
    """What an issuer publishes, and how often it was asked."""

    def __init__(self, *keys: Any) -> None:
        self.keys, self.asked, self.down = list(keys), 0, False

    def __call__(self, url: str) -> dict[str, Any]:
        if self.down:
            raise OSError("down")
        if url.endswith("/.well-known/openid-configuration"):
            self.asked += 1
            return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        return dict(KeySet(self.keys).as_dict(private=False))


class Clock:
    at = 1000.0

    def __call__(self) -> float:
        return self.at


def discovering(published: Published, clock: Clock) -> BearerTokens:
    return BearerTokens(CLAIMS, DiscoveredKeys(ISSUER, published, clock), ACCOUNTS, clock=lambda: NOW)


async def test_a_new_key_of_the_issuer_is_found_and_one_that_it_took_out_is_not_believed_for_ever() -> None:
    new, published, clock = key(), Published(KEY), Clock()
    reads = discovering(published, clock)
    assert (await reads.authenticate(signed(claims_of_a_publisher()))).org == "food-bank"
    published.keys = [new]
    with pytest.raises(TokenRejected):
        await reads.authenticate(signed(claims_of_a_publisher(), new))  # asked a moment ago
    clock.at += 11
    assert (await reads.authenticate(signed(claims_of_a_publisher(), new))).org == "food-bank"
    with pytest.raises(TokenRejected):
        await reads.authenticate(signed(claims_of_a_publisher()))
    assert published.asked == 2


async def test_key_ids_that_nobody_has_do_not_make_us_ask_again_and_again() -> None:
    published, clock = Published(KEY), Clock()
    reads = discovering(published, clock)
    for n in range(50):
        clock.at += 0.1
        with pytest.raises(TokenRejected):
            await reads.authenticate(signed(claims_of_a_publisher(), key(), kid=f"nobody-{n}"))
    assert published.asked == 1


async def test_while_the_issuer_is_away_known_keys_are_believed_for_an_hour_and_unknown_ones_cannot_be_looked_up() -> (
    None
):
    published, clock = Published(KEY), Clock()
    published.down = True
    reads = discovering(published, clock)
    with pytest.raises(IssuerUnavailable):
        await reads.authenticate(signed(claims_of_a_publisher()))
    published.down = False
    clock.at += 11
    await reads.authenticate(signed(claims_of_a_publisher()))
    published.down = True
    clock.at += 3_000
    await reads.authenticate(signed(claims_of_a_publisher()))
    clock.at += 1_000
    with pytest.raises(IssuerUnavailable):
        await reads.authenticate(signed(claims_of_a_publisher()))


async def test_a_document_about_another_issuer_is_not_believed() -> None:
    def other(url: str) -> dict[str, Any]:
        return {**Published(KEY)(url), **({"issuer": "https://other.example"} if "well-known" in url else {})}

    reads = BearerTokens(CLAIMS, DiscoveredKeys(ISSUER, other, Clock()), ACCOUNTS, clock=lambda: NOW)
    with pytest.raises(IssuerUnavailable):
        await reads.authenticate(signed(claims_of_a_publisher()))


async def test_a_symmetric_key_that_an_issuer_publishes_by_mistake_is_not_used() -> None:
    shared = OctKey.generate_key(256)
    shared.ensure_kid()
    published = Published(KEY)
    mistaken = {"keys": [shared.as_dict(private=True), KEY.as_dict(private=False)]}
    fetch = lambda url: published(url) if "well-known" in url else mistaken  # noqa: E731
    reads = BearerTokens(CLAIMS, DiscoveredKeys(ISSUER, fetch, Clock()), ACCOUNTS, clock=lambda: NOW)
    token = signed(claims_of_a_publisher(), shared, "HS256")
    with pytest.raises(TokenRejected):
        await reads.authenticate(token)


async def test_a_known_key_waits_for_nobody_while_the_issuer_hangs() -> None:
    published, clock, hangs = Published(KEY), Clock(), threading.Event()

    def fetch(url: str) -> dict[str, Any]:
        if published.down:
            hangs.wait(60)
        return published(url)

    reads = BearerTokens(CLAIMS, DiscoveredKeys(ISSUER, fetch, clock), ACCOUNTS, clock=lambda: NOW)
    await reads.authenticate(signed(claims_of_a_publisher()))
    published.down = True
    clock.at += 2_000  # old enough to be fetched again
    unknown = asyncio.create_task(reads.authenticate(signed(claims_of_a_publisher(), key(), kid="another")))
    try:
        async with asyncio.timeout(50):
            for _ in range(20):
                clock.at += 11
                assert (await reads.authenticate(signed(claims_of_a_publisher()))).org == "food-bank"
        assert not unknown.done()
    finally:
        hangs.set()
    with pytest.raises(TokenRejected):
        await unknown


async def test_an_issuer_that_is_away_for_long_lets_nobody_queue() -> None:
    published, clock, hangs = Published(KEY), Clock(), threading.Event()

    def fetch(url: str) -> dict[str, Any]:
        if hangs.is_set():
            raise OSError("away")
        return published(url)

    keys = DiscoveredKeys(ISSUER, fetch, clock)
    reads = BearerTokens(CLAIMS, keys, ACCOUNTS, clock=lambda: NOW)
    await reads.authenticate(signed(claims_of_a_publisher()))
    hangs.set()
    clock.at += 3_000
    await reads.authenticate(signed(claims_of_a_publisher()))
    await settled(lambda: keys._last_fetch_failed)
    clock.at += 1_000
    with pytest.raises(IssuerUnavailable):
        await reads.authenticate(signed(claims_of_a_publisher()))
    hangs.clear()
    clock.at += 11
    with pytest.raises(IssuerUnavailable):
        await reads.authenticate(signed(claims_of_a_publisher()))  # it begins to ask, and does not wait
    await settled(lambda: not keys._last_fetch_failed)
    assert (await reads.authenticate(signed(claims_of_a_publisher()))).org == "food-bank"


async def test_keys_are_fetched_before_anybody_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_MIN_FETCH_INTERVAL_S", 0.01)
    published, clock = Published(KEY), Clock()
    keys = DiscoveredKeys(ISSUER, published, clock)
    async with supervised(keys.loop(), Health()):
        await settled(lambda: keys._keys is not None)
        clock.at += 1_000
        await settled(lambda: published.asked == 2)


async def settled(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():
            await asyncio.sleep(0.005)


def test_the_clock_of_tokens_is_the_wall_clock() -> None:
    assert abs(BearerTokens(CLAIMS, OwnKeys(KeySet([KEY])), ACCOUNTS).clock() - time.time()) < 5
