"""What operators enter of concealment and of lawful bases, and what follows."""

from __future__ import annotations

from dataclasses import replace

from support.gateways.routes import OPERATOR, GatewayRoutes, purpose_headers, subscriber
from support.intake.history import ref, subject
from support.intake.life import LIFE

AUTHORITY = 'law; instrument="Housing Act s 7"'
FIRST, SECOND = replace(OPERATOR, actor_id="first"), replace(OPERATOR, actor_id="second")
BASIS = {
    "reader": "housing",
    "basis": "law",
    "instrument": "Housing Act s 7",
    "purpose": "care",
    "holders": ["clinic"],
    "nouns": ["contact"],
}


async def sees(gateway: GatewayRoutes) -> int:
    found = await gateway.find(subscriber("housing"), "housing", subject(2))
    answer = await gateway.request(
        subscriber("housing"), "GET", f"/v1/pathways/{found}", headers=purpose_headers("care", AUTHORITY)
    )
    return len(answer.json()["steps"])


async def test_a_basis_shows_what_it_names_until_it_is_ended(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    assert await sees(gateway) == 1
    entered = await gateway.request(OPERATOR, "POST", "/v1/lawful-bases", json=BASIS)
    assert entered.status_code == 201
    assert await sees(gateway) == 3
    number = entered.json()["id"]
    assert (await gateway.request(OPERATOR, "POST", f"/v1/lawful-bases/{number}/end")).status_code == 204
    assert (await gateway.request(OPERATOR, "POST", f"/v1/lawful-bases/{number}/end")).status_code == 404
    assert await sees(gateway) in (1, 3)  # the clock of the test stands before the end
    listed = (await gateway.request(OPERATOR, "GET", "/v1/lawful-bases")).json()
    assert [(each["id"], each["instrument"]) for each in listed["lawful_bases"]] == [(number, "Housing Act s 7")]


async def test_only_organisations_on_the_register_are_entered(gateway: GatewayRoutes) -> None:
    for path, body in (("lawful-bases", BASIS), ("concealed", {"org": "nobody"})):
        answer = await gateway.request(OPERATOR, "POST", f"/v1/{path}", json=body)
        assert (answer.status_code, answer.json()["title"]) == (422, "unknown organisation")


async def test_what_is_concealed_is_concealed_until_it_is_lifted(gateway: GatewayRoutes) -> None:
    await gateway.publish(*LIFE)
    whole = len((await gateway.read(OPERATOR, "citizen", subject(9)))["steps"])
    for what in ({"org": "housing"}, {"org": "housing", "service": "casework"}, ref("housing", 2)):
        assert (await gateway.request(OPERATOR, "POST", "/v1/concealed", json=what)).status_code == 204
        assert len((await gateway.read(OPERATOR, "citizen", subject(9)))["steps"]) == whole - 1
        listed = (await gateway.request(OPERATOR, "GET", "/v1/concealed")).json()["concealed"]
        assert listed == ([] if "subject" in what else [{"org": "housing", "service": what.get("service")}])
        for who, status in ((OPERATOR, 202), (FIRST, 202), (FIRST, 202), (SECOND, 204)):
            assert (await gateway.request(who, "POST", "/v1/concealed/lifted", json=what)).status_code == status
    assert len((await gateway.read(OPERATOR, "citizen", subject(9)))["steps"]) == whole
