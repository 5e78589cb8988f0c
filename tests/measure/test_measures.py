"""`/v1/measures`: who may see what of how few, and the same answer all day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pathline_gateway.handoff.projection import bring_up_to_date
from pathline_gateway.trust.caller import Caller, Role
from trust.rig import AUDITOR, OPERATOR, Rig
from verify import history
from verify.history import START, Told, step

RESEARCHER = Caller(frozenset((Role.RESEARCHER,)))


def offered(n: int, to: str) -> Told:
    return history.offered("clinic", f"o{n}", n, to, f"clinic:h{n}", n)


def accepted(n: int, by: str) -> Told:
    return history.accepted(by, f"a{n}", n, f"clinic:h{n}", n + 60)


async def measured(rig: Rig, who: Caller, name: str = "handoff-leakage", **params: Any) -> dict[str, Any]:
    while await bring_up_to_date(rig.pool):
        pass
    answer = await rig.ask(who, "GET", f"/v1/measures/{name}", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_few_are_shown_to_auditors_alone_and_the_day_has_one_answer(rig: Rig) -> None:
    rig.now = START + timedelta(days=60)
    await rig.tell(*(step(org, "here", 90) for org in ("housing", "court")))
    await rig.tell(*(offered(n, "housing") for n in range(11)), *(offered(n, "court") for n in range(20, 23)))
    await rig.tell(*(accepted(n, "housing") for n in range(8)), offered(99, "nobody-here"))
    whole = await measured(rig, AUDITOR, by="pair")
    assert (whole["n"], whole["value"], whole["unobservable"]) == (14, round(1 - 8 / 14, 6), 1)
    assert {(p["receiver"], p["values"][0]["n"]) for p in whole["pairs"]} == {("housing", 11), ("court", 3)}
    seen = await measured(rig, OPERATOR, by="pair")
    assert (seen["n"], seen["value"], seen["unobservable"]) == (14, whole["value"], None)
    # Of two pairs one is small: with the total, the other would tell it.
    assert [p["values"][0]["suppressed"] for p in seen["pairs"]] == [True, True]
    assert seen["pairs"][0]["values"][0] == {
        "name": "accepted", "value": None, "interval": [None, None], "n": None, "suppressed": True,
    }  # fmt: skip
    few = await measured(rig, RESEARCHER, to="court")
    assert (few["n"], few["suppressed"]) == (None, True)
    await rig.tell(accepted(8, "housing"))
    assert (await measured(rig, RESEARCHER, by="pair"))["value"] == whole["value"]
    assert (await measured(rig, AUDITOR, by="pair"))["value"] == round(1 - 9 / 14, 6)
    rig.now += timedelta(days=1)
    assert (await measured(rig, RESEARCHER, by="pair"))["value"] == round(1 - 9 / 14, 6)


async def test_what_is_concealed_is_in_no_measure(rig: Rig) -> None:
    rig.now = START + timedelta(days=60)
    await rig.tell(*(step(org, "here", 90) for org in ("housing", "court")))
    await rig.tell(*(offered(n, "housing") for n in range(12)), *(offered(n, "court") for n in range(20, 34)))
    assert (await measured(rig, AUDITOR))["n"] == 26
    await rig.execute("update organisation set conceals = true where org = 'housing'")
    assert (await measured(rig, AUDITOR))["n"] == 14


async def test_every_measure_says_where_it_comes_from(rig: Rig) -> None:
    listed = (await rig.ask(RESEARCHER, "GET", "/v1/measures")).json()["measures"]
    assert [each["number"] for each in listed] == [1, 2, 3, 4]
    for each in listed:
        found = await measured(rig, AUDITOR, each["measure"])
        assert {name: found[name] for name in each} == each
        assert datetime.fromisoformat(found["as_of"]) == rig.now
    unknown = await rig.ask(RESEARCHER, "GET", "/v1/measures/happiness")
    assert unknown.status_code == 404
    assert "handoff-completion" in unknown.json()["detail"]
    assert (
        await rig.ask(RESEARCHER, "GET", "/v1/measures/handoff-silence", params={"within_days": 13})
    ).status_code == 422
