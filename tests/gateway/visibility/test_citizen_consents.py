"""A citizen lists, gives and withdraws her consents, and what others see follows at once."""

from __future__ import annotations

from typing import Any

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, subscriber
from support.intake.history import linked, ref, step, subject
from support.intake.life import LIFE, ME, consent_given, make_event

WANTED = {"consent": "mine", "holders": ["clinic"], "recipients": ["housing"], "nouns": ["contact"], "purpose": "care"}


async def sees(gateway: GatewayRoutes, org: str = "housing", n: int = 2) -> list[str]:
    body = await gateway.read(subscriber(org), org, subject(n), "care")
    return [each["type"].split(".")[2] for each in body["steps"] if each["org"] != org]


async def listed(gateway: GatewayRoutes) -> dict[str, Any]:
    found = (await gateway.request(ME, "GET", "/v1/consents")).json()["consents"]
    return {each["consent"]: each for each in found}


async def test_a_consent_holds_as_soon_as_it_is_answered_and_no_longer_than_it_is_withdrawn(
    gateway: GatewayRoutes,
) -> None:
    await gateway.publish(*LIFE)
    assert await sees(gateway) == []
    for _ in range(2):  # and can be given again
        assert (await gateway.request(ME, "POST", "/v1/consents", json=WANTED)).status_code == 201
        assert await sees(gateway) == ["contact", "contact"]
        assert (await listed(gateway))["mine"]["live"]
        gone = await gateway.request(ME, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})
        assert (gone.status_code, gone.json()["live"]) == (200, False)
        assert await sees(gateway) == []


async def test_giving_or_withdrawing_twice_changes_nothing(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    answers = [await gateway.request(ME, "POST", "/v1/consents", json=WANTED) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    for _ in range(2):
        await gateway.request(ME, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})
    assert (
        await gateway.pool.fetchval(
            "select count(*) from evidence e join source s on s.id = e.source where s.org = 'citizen'"
        )
        == 2
    )


async def test_she_can_end_what_an_organisation_recorded_of_her(gateway: GatewayRoutes) -> None:
    theirs = make_event(
        "clinic", "k7", "consent.given", 1, 5,
        consent="form-12", holders=[], recipients=["housing"], nouns=["contact"], purpose="care",
    )  # fmt: skip
    await gateway.publish(*LIFE, theirs)
    assert await sees(gateway) == ["contact", "contact"]
    (name,) = await listed(gateway)
    assert "form-12" not in name
    assert (await listed(gateway))[name]["counts"] == "own-part"
    gone = await gateway.request(ME, "POST", "/v1/consents/withdrawals", json={"consent": name})
    assert (gone.status_code, gone.json()["live"]) == (200, False)
    assert await sees(gateway) == []
    assert list(await listed(gateway)) == [name]


async def test_what_the_register_conceals_is_not_listed(gateway: GatewayRoutes) -> None:
    at_the_refuge = make_event(
        "refuge", "k7", "consent.given", 7, 5,
        consent="r1", holders=[], recipients=["housing"], nouns=["contact"], purpose="care",
    )  # fmt: skip
    to_the_refuge = consent_given("k8", recipients=["refuge"], consent="c8")
    joined = linked("l7", ref("refuge", 7), ref("clinic", 1))
    await gateway.publish(*LIFE, step("refuge", "r1", 7), joined, at_the_refuge, to_the_refuge)
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    assert await listed(gateway) == {}
    assert (await gateway.request(ME, "POST", "/v1/consents/withdrawals", json={"consent": "r1"})).status_code == 404


async def test_consents_are_the_citizens_own(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    for other in (subscriber("housing"), OPERATOR, AUTH_DISABLED_CALLER):
        assert (await gateway.request(other, "GET", "/v1/consents")).status_code == 403
        assert (await gateway.request(other, "POST", "/v1/consents", json=WANTED)).status_code == 403
    await gateway.request(ME, "POST", "/v1/consents", json=WANTED)
    stranger = citizen(subject(44))
    assert (await gateway.request(stranger, "GET", "/v1/consents")).json() == {"consents": []}
    assert (
        await gateway.request(stranger, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})
    ).status_code == 404
    assert await sees(gateway) == ["contact", "contact"]
