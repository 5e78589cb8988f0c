"""A citizen lists, gives and withdraws her consents, and what others see follows at once."""

from __future__ import annotations

from typing import Any

from gateway.pull.test_restricted import LIFE, ME, consented, told
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import OPERATOR, Rig, citizen, of
from support.intake.history import linked, ref, step, subject

WANTED = {"consent": "mine", "holders": ["clinic"], "recipients": ["housing"], "nouns": ["contact"], "purpose": "care"}


async def sees(rig: Rig, org: str = "housing", n: int = 2) -> list[str]:
    body = await rig.read(of(org), org, subject(n), "care")
    return [each["type"].split(".")[2] for each in body["steps"] if each["org"] != org]


async def listed(rig: Rig) -> dict[str, Any]:
    found = (await rig.ask(ME, "GET", "/v1/consents")).json()["consents"]
    return {each["consent"]: each for each in found}


async def test_a_consent_holds_as_soon_as_it_is_answered_and_no_longer_than_it_is_withdrawn(rig: Rig) -> None:
    await rig.tell(*LIFE)
    assert await sees(rig) == []
    for _ in range(2):  # and can be given again
        assert (await rig.ask(ME, "POST", "/v1/consents", json=WANTED)).status_code == 201
        assert await sees(rig) == ["contact", "contact"]
        assert (await listed(rig))["mine"]["live"]
        gone = await rig.ask(ME, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})
        assert (gone.status_code, gone.json()["live"]) == (200, False)
        assert await sees(rig) == []


async def test_giving_or_withdrawing_twice_changes_nothing(rig: Rig) -> None:
    await rig.tell(*LIFE)
    answers = [await rig.ask(ME, "POST", "/v1/consents", json=WANTED) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 200]
    assert answers[0].json() == answers[1].json()
    for _ in range(2):
        await rig.ask(ME, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})
    assert (
        await rig.pool.fetchval(
            "select count(*) from evidence e join source s on s.id = e.source where s.org = 'citizen'"
        )
        == 2
    )


async def test_she_can_end_what_an_organisation_recorded_of_her(rig: Rig) -> None:
    theirs = told(
        "clinic", "k7", "consent.given", 1, 5,
        consent="form-12", holders=[], recipients=["housing"], nouns=["contact"], purpose="care",
    )  # fmt: skip
    await rig.tell(*LIFE, theirs)
    assert await sees(rig) == ["contact", "contact"]
    (name,) = await listed(rig)
    assert "form-12" not in name
    assert (await listed(rig))[name]["counts"] == "own-part"
    gone = await rig.ask(ME, "POST", "/v1/consents/withdrawals", json={"consent": name})
    assert (gone.status_code, gone.json()["live"]) == (200, False)
    assert await sees(rig) == []
    assert list(await listed(rig)) == [name]


async def test_what_the_register_conceals_is_not_listed(rig: Rig) -> None:
    at_the_refuge = told(
        "refuge", "k7", "consent.given", 7, 5,
        consent="r1", holders=[], recipients=["housing"], nouns=["contact"], purpose="care",
    )  # fmt: skip
    to_the_refuge = consented("k8", recipients=["refuge"], consent="c8")
    joined = linked("l7", ref("refuge", 7), ref("clinic", 1))
    await rig.tell(*LIFE, step("refuge", "r1", 7), joined, at_the_refuge, to_the_refuge)
    await rig.execute("update organisation set conceals = true where org = 'refuge'")
    assert await listed(rig) == {}
    assert (await rig.ask(ME, "POST", "/v1/consents/withdrawals", json={"consent": "r1"})).status_code == 404


async def test_consents_are_the_citizens_own(rig: Rig) -> None:
    await rig.tell(*LIFE)
    for other in (of("housing"), OPERATOR, AUTH_DISABLED_CALLER):
        assert (await rig.ask(other, "GET", "/v1/consents")).status_code == 403
        assert (await rig.ask(other, "POST", "/v1/consents", json=WANTED)).status_code == 403
    await rig.ask(ME, "POST", "/v1/consents", json=WANTED)
    stranger = citizen(subject(44))
    assert (await rig.ask(stranger, "GET", "/v1/consents")).json() == {"consents": []}
    assert (await rig.ask(stranger, "POST", "/v1/consents/withdrawals", json={"consent": "mine"})).status_code == 404
    assert await sees(rig) == ["contact", "contact"]
