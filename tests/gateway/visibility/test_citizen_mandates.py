"""A person is told every mandate over her, agrees to what is proposed and ends what she wants ended."""

from __future__ import annotations

from typing import Any

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, helper, purpose_headers, subscriber
from support.intake.history import Event, linked, ref, step, subject
from support.intake.life import LIFE, ME, consent_given, make_event

FRIEND, EX = helper(subject(3)), helper(subject(4))


def mandate(org: str, id: str = "md1", n: int = 9, minute: int = 6, agent: int = 3, **more: Any) -> Event:
    said: dict[str, Any] = {"mandate": "m1", "agent": ref("citizen", agent), "services": [], "powers": ["see"]}
    return make_event(org, id, "mandate.given", n, minute, **(said | more))


async def listed(gateway: GatewayRoutes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.request(ME, "GET", "/v1/mandates")).json()["mandates"]
    return found


async def sees(gateway: GatewayRoutes, by: Any = FRIEND) -> bool:
    known = (("citizen", 9), ("clinic", 1), ("office", 5), ("refuge", 7))
    return any([await gateway.find(by, org, subject(n)) is not None for org, n in known])


async def readings(gateway: GatewayRoutes) -> list[tuple[str, str | None]]:
    found = (await gateway.request(ME, "GET", "/v1/access")).json()["findUsage"]
    return [(each["receiver"]["kind"], each["receiver"]["org"]) for each in found if each["outcome"] == "shown"]


@pytest.mark.parametrize("safety", [{}, {"safety": "conceal"}])
async def test_an_organisations_mandate_shows_nothing_and_is_told_to_her_as_a_proposal(
    gateway: GatewayRoutes, safety: dict[str, Any]
) -> None:
    await gateway.publish(*LIFE, mandate("clinic", n=1, agent=4, **safety))
    assert not await sees(gateway, EX)
    (proposal,) = await listed(gateway)
    assert (proposal["org"], proposal["counts"], proposal["live"]) == ("clinic", "proposal", False)
    assert "m1" not in proposal["mandate"]
    assert proposal["agent"]["subject"] != subject(4)
    refused = await gateway.request(ME, "POST", "/v1/mandates/withdrawals", json={"mandate": proposal["mandate"]})
    assert (refused.status_code, refused.json()["live"]) == (200, False)
    agreeing = {"mandate": proposal["mandate"], "version": proposal["version"]}
    assert (await gateway.request(ME, "POST", "/v1/mandates/agreements", json=agreeing)).status_code == 409


async def test_she_agrees_to_a_proposal_and_it_is_hers_to_end(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, mandate("clinic", n=1))
    (proposal,) = await listed(gateway)
    agreeing = {"mandate": proposal["mandate"], "version": proposal["version"]}
    agreed = await gateway.request(ME, "POST", "/v1/mandates/agreements", json=agreeing)
    assert (agreed.status_code, agreed.json()["org"], agreed.json()["live"]) == (201, "citizen", True), agreed.text
    assert (await gateway.request(ME, "POST", "/v1/mandates/agreements", json=agreeing)).status_code == 200
    assert await sees(gateway)
    assert ("helper", None) in await readings(gateway)
    # Who proposed it may take the proposal back: what she agreed to stays, until she ends it.
    await gateway.publish(make_event("clinic", "w", "mandate.withdrawn", 1, 8, mandate="m1"))
    assert await sees(gateway)
    name = agreed.json()["mandate"]
    ended = await gateway.request(ME, "POST", "/v1/mandates/withdrawals", json={"mandate": name})
    assert (ended.status_code, ended.json()["live"]) == (200, False)
    assert not await sees(gateway)
    assert (
        await gateway.request(ME, "POST", "/v1/mandates/agreements", json={**agreeing, "mandate": name})
    ).status_code == 409


async def test_nobody_changes_what_she_agrees_to_while_she_reads_it(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, mandate("clinic", n=1, services=[{"org": "housing"}]))
    (proposal,) = await listed(gateway)
    await gateway.publish(mandate("clinic", "md2", n=1, minute=7, services=[]))
    agreeing = {"mandate": proposal["mandate"], "version": proposal["version"]}
    answer = await gateway.request(ME, "POST", "/v1/mandates/agreements", json=agreeing)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pathline:problem:changed")
    assert not await sees(gateway)


async def test_a_registered_organisations_mandate_counts_until_she_or_an_operator_ends_that(
    gateway: GatewayRoutes,
) -> None:
    await gateway.publish(*LIFE, step("office", "o1", 5), linked("lo", ref("office", 5), ref("clinic", 1)))
    await gateway.publish(mandate("office", n=5, safety="conceal"))
    assert not await sees(gateway)
    assert (await gateway.request(OPERATOR, "POST", "/v1/registrars", json={"org": "office"})).status_code == 201
    assert await sees(gateway)
    (given,) = await listed(gateway)
    assert (given["org"], given["counts"], given["live"]) == ("office", "binds", True)
    assert ("helper", None) in await readings(gateway)
    assert (await gateway.request(OPERATOR, "DELETE", "/v1/registrars/office")).status_code == 204
    assert not await sees(gateway)
    await gateway.request(OPERATOR, "POST", "/v1/registrars", json={"org": "office"})
    ended = await gateway.request(ME, "POST", "/v1/mandates/withdrawals", json={"mandate": given["mandate"]})
    assert (ended.status_code, ended.json()["live"]) == (200, False)
    assert not await sees(gateway)
    # She has ended it: the same mandate, said again, is ended too.
    await gateway.publish(mandate("office", "again", n=5, minute=60))
    assert not await sees(gateway)


async def test_a_refuge_that_registers_mandates_is_told_to_nobody_and_lets_nobody_see(gateway: GatewayRoutes) -> None:
    joined = linked("lr", ref("refuge", 7), ref("clinic", 1))
    await gateway.publish(*LIFE, step("refuge", "r1", 7), joined, mandate("refuge", n=7))
    await gateway.request(OPERATOR, "POST", "/v1/registrars", json={"org": "refuge"})
    assert await sees(gateway)
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    assert not await sees(gateway)
    assert await listed(gateway) == []


async def test_who_names_a_refuge_hides_nothing_but_the_refuge(gateway: GatewayRoutes) -> None:
    both = [{"org": "refuge"}, {"org": "clinic"}]
    consent = consent_given(recipients=["housing", "refuge"], holders=["clinic", "refuge"])
    await gateway.publish(*LIFE, step("refuge", "r1", 7), mandate("citizen", services=both), consent)
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    (given,) = await listed(gateway)
    assert given["services"] == [{"org": "clinic", "service": None}]
    assert given["live"] == await sees(gateway) is True
    (agreed,) = (await gateway.request(ME, "GET", "/v1/consents")).json()["consents"]
    assert (agreed["holders"], agreed["recipients"]) == (["clinic"], ["housing"])


async def test_mandates_are_told_to_the_person_over_whom_they_are_and_to_nobody_else(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE, mandate("citizen"))
    for other in (FRIEND, subscriber("clinic"), OPERATOR, AUTH_DISABLED_CALLER):
        assert (await gateway.request(other, "GET", "/v1/mandates")).status_code == 403
        ending = {"mandate": "m1"}
        assert (await gateway.request(other, "POST", "/v1/mandates/withdrawals", json=ending)).status_code == 403
    stranger = citizen(subject(44))
    assert (await gateway.request(stranger, "GET", "/v1/mandates")).json() == {"mandates": []}
    assert (
        await gateway.request(stranger, "POST", "/v1/mandates/withdrawals", json={"mandate": "m1"})
    ).status_code == 404
    assert await sees(gateway)


async def test_a_consent_that_an_organisation_gives_itself_shows_it_nothing_and_is_told_to_her(
    gateway: GatewayRoutes,
) -> None:
    """As it was seen: holders, recipients and safety of the one who wants to see."""
    said = {"holders": [], "recipients": ["housing"], "nouns": ["appointment", "contact"], "purpose": "care"}
    await gateway.publish(
        *LIFE, make_event("housing", "k", "consent.given", 2, 5, consent="k", safety="conceal", **said)
    )
    body = await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    assert {each["org"] for each in body["steps"]} == {"housing"}
    (proposal,) = (await gateway.request(ME, "GET", "/v1/consents")).json()["consents"]
    assert (proposal["org"], proposal["counts"]) == ("housing", "own-part")
    assert ("organisation", "housing") in await readings(gateway)
    # The clinic agrees for what it holds; she agrees for all.
    theirs = {**said, "holders": ["clinic"]}
    await gateway.publish(make_event("clinic", "k2", "consent.given", 1, 6, consent="k2", **theirs))
    body = await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    assert {each["org"] for each in body["steps"]} == {"housing", "clinic"}
    gone = make_event("housing", "k3", "consent.withdrawn", 2, 7, consent="k", recipients=["housing"], purpose="care")
    await gateway.publish(gone)
    body = await gateway.read(subscriber("housing"), "housing", subject(2), "care")
    assert {each["org"] for each in body["steps"]} == {"housing", "clinic"}


async def test_she_agrees_to_a_proposed_consent_as_it_stood_when_she_read_it(gateway: GatewayRoutes) -> None:
    said = {"holders": ["clinic"], "recipients": ["housing"], "nouns": ["contact"], "purpose": "care"}
    await gateway.publish(*LIFE, make_event("housing", "k", "consent.given", 2, 5, consent="k", **said))
    (proposal,) = (await gateway.request(ME, "GET", "/v1/consents")).json()["consents"]
    assert (proposal["counts"], proposal["live"]) == ("proposal", False)
    await gateway.publish(make_event("housing", "k2", "consent.given", 2, 6, consent="k", **{**said, "holders": []}))
    agreeing = {"consent": proposal["consent"], "version": proposal["version"]}
    answer = await gateway.request(ME, "POST", "/v1/consents/agreements", json=agreeing)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pathline:problem:changed")
    (now,) = (await gateway.request(ME, "GET", "/v1/consents")).json()["consents"]
    agreeing["version"] = now["version"]
    for status in (201, 200):
        answer = await gateway.request(ME, "POST", "/v1/consents/agreements", json=agreeing)
        assert (answer.status_code, answer.json()["live"], answer.json()["org"]) == (status, True, "citizen")
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    body = (
        await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=purpose_headers("care"))
    ).json()
    assert [each["org"] for each in body["steps"]] == ["clinic", "clinic", "housing"]
    ending = {"consent": answer.json()["consent"]}
    assert (await gateway.request(ME, "POST", "/v1/consents/withdrawals", json=ending)).json()["live"] is False
    body = (
        await gateway.request(subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=purpose_headers("care"))
    ).json()
    assert [each["org"] for each in body["steps"]] == ["housing"]
