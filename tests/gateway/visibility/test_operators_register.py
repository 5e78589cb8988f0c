"""What operators enter of concealment and of lawful bases, and what follows."""

from __future__ import annotations

from dataclasses import replace

from gateway.pull.test_restricted import LIFE
from support.gateways.routes import OPERATOR, Rig, of, stating
from support.intake.history import ref, subject

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


async def sees(rig: Rig) -> int:
    found = await rig.find(of("housing"), "housing", subject(2))
    answer = await rig.ask(of("housing"), "GET", f"/v1/pathways/{found}", headers=stating("care", AUTHORITY))
    return len(answer.json()["steps"])


async def test_a_basis_shows_what_it_names_until_it_is_ended(rig: Rig) -> None:
    await rig.tell(*LIFE)
    assert await sees(rig) == 1
    entered = await rig.ask(OPERATOR, "POST", "/v1/lawful-bases", json=BASIS)
    assert entered.status_code == 201
    assert await sees(rig) == 3
    number = entered.json()["id"]
    assert (await rig.ask(OPERATOR, "POST", f"/v1/lawful-bases/{number}/end")).status_code == 204
    assert (await rig.ask(OPERATOR, "POST", f"/v1/lawful-bases/{number}/end")).status_code == 404
    assert await sees(rig) in (1, 3)  # the clock of the test stands before the end
    listed = (await rig.ask(OPERATOR, "GET", "/v1/lawful-bases")).json()
    assert [(each["id"], each["instrument"]) for each in listed["lawful_bases"]] == [(number, "Housing Act s 7")]


async def test_only_organisations_on_the_register_are_entered(rig: Rig) -> None:
    for path, body in (("lawful-bases", BASIS), ("concealed", {"org": "nobody"})):
        answer = await rig.ask(OPERATOR, "POST", f"/v1/{path}", json=body)
        assert (answer.status_code, answer.json()["title"]) == (422, "unknown organisation")


async def test_what_is_concealed_is_concealed_until_it_is_lifted(rig: Rig) -> None:
    await rig.tell(*LIFE)
    whole = len((await rig.read(OPERATOR, "citizen", subject(9)))["steps"])
    for what in ({"org": "housing"}, {"org": "housing", "service": "casework"}, ref("housing", 2)):
        assert (await rig.ask(OPERATOR, "POST", "/v1/concealed", json=what)).status_code == 204
        assert len((await rig.read(OPERATOR, "citizen", subject(9)))["steps"]) == whole - 1
        listed = (await rig.ask(OPERATOR, "GET", "/v1/concealed")).json()["concealed"]
        assert listed == ([] if "subject" in what else [{"org": "housing", "service": what.get("service")}])
        for who, status in ((OPERATOR, 202), (FIRST, 202), (FIRST, 202), (SECOND, 204)):
            assert (await rig.ask(who, "POST", "/v1/concealed/lifted", json=what)).status_code == status
    assert len((await rig.read(OPERATOR, "citizen", subject(9)))["steps"]) == whole
