"""`/v1/measures`: who may see what of how few, and the same answer until ten have changed."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from pathline_gateway.auth.caller import Caller, Role
from pathline_gateway.handoffs.projection import project_next_batch
from support.gateways.routes import AUDITOR, OPERATOR, GatewayRoutes
from support.intake import history
from support.intake.history import START, Event, step

RESEARCHER = Caller(frozenset((Role.RESEARCHER,)))


def offered(n: int, to: str) -> Event:
    return history.offered("clinic", f"o{n}", n, to, f"clinic:h{n}", n)


def accepted(n: int, by: str) -> Event:
    return history.accepted(by, f"a{n}", n, f"clinic:h{n}", n + 60)


async def measured(gateway: GatewayRoutes, who: Caller, name: str = "handoff-leakage", **params: Any) -> dict[str, Any]:
    while await project_next_batch(gateway.pool):
        pass
    answer = await gateway.request(who, "GET", f"/v1/measures/{name}", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_few_are_shown_to_auditors_alone_and_others_are_told_of_cells_that_keep(gateway: GatewayRoutes) -> None:
    gateway.now = START + timedelta(days=60)
    await gateway.publish(*(step(org, "here", 90) for org in ("housing", "court")))
    await gateway.publish(*(offered(n, "housing") for n in range(11)), *(offered(n, "court") for n in range(20, 23)))
    await gateway.publish(*(accepted(n, "housing") for n in range(8)), offered(99, "nobody-here"))
    whole = await measured(gateway, AUDITOR, by="pair")
    assert (whole["n"], whole["value"], whole["unobservable"]) == (14, round(1 - 8 / 14, 6), 1)
    assert {(p["receiver"], p["values"][0]["n"]) for p in whole["pairs"]} == {("housing", 11), ("court", 3)}
    # Three are in no figure: a total with them would tell of them.
    seen = await measured(gateway, OPERATOR, by="pair")
    assert (seen["n"], seen["value"], seen["unobservable"]) == (11, round(1 - 8 / 11, 6), None)
    assert [(p["receiver"], p["values"][0]["n"]) for p in seen["pairs"]] == [("housing", 11)]
    assert seen["as_of"] == "2026-04-01T00:00:00.000000Z"
    few = await measured(gateway, RESEARCHER, to="court")
    assert (few["n"], few["suppressed"]) == (None, True)
    # One more is accepted: auditors are told at once, nobody else as long as fewer than ten have changed.
    await gateway.publish(accepted(8, "housing"))
    assert (await measured(gateway, AUDITOR, to="housing"))["value"] == round(1 - 9 / 11, 6)
    for days in (0, 1, 20, 31):
        gateway.now += timedelta(days=days)
        for said in ({}, {"from": "clinic"}, {"to": "housing"}, {"by": "pair"}):
            assert (await measured(gateway, RESEARCHER, **said))["value"] == seen["value"], (days, said)
    # With ten more a month is told anew, and the court's three are in no figure still.
    april = 40 * 24 * 60
    more = (history.offered("clinic", f"o{n}", n, "housing", f"clinic:h{n}", april + n) for n in range(30, 40))
    await gateway.publish(*more, offered(23, "court"))
    assert (await measured(gateway, RESEARCHER))["n"] == 11
    gateway.now += timedelta(days=31)
    assert (await measured(gateway, RESEARCHER, by="pair"))["n"] == 21


async def test_others_ask_with_one_filter_and_of_what_is_known(gateway: GatewayRoutes) -> None:
    both = {"from": "clinic", "to": "housing"}
    for who, said, expected in (
        (RESEARCHER, both, (422, "too fine")),
        (OPERATOR, both, (422, "too fine")),
        (AUDITOR, both, (200, "Hand-offs of which nothing was heard")),
        (RESEARCHER, {"form": "clinic"}, (422, "unknown parameter")),
        (AUDITOR, {"need": "housing"}, (422, "unknown parameter")),
    ):
        answer = await gateway.request(who, "GET", "/v1/measures/handoff-silence", params=said)
        assert (answer.status_code, answer.json()["title"]) == expected


async def test_who_ask_at_one_time_are_answered_of_the_same_cells(gateway: GatewayRoutes) -> None:
    gateway.now = START + timedelta(days=60)
    await gateway.publish(step("housing", "here", 90), *(offered(n, "housing") for n in range(12)))
    while await project_next_batch(gateway.pool):
        pass
    gateway.caller = RESEARCHER
    asked = [gateway.http.get("/v1/measures/handoff-silence") for _ in range(4)]
    answers = await asyncio.gather(*asked)
    assert {(each.status_code, each.json()["n"]) for each in answers} == {(200, 12)}
    assert await gateway.pool.fetchval("select count(*) from released_handoff") == 12


async def test_what_is_concealed_is_in_no_measure(gateway: GatewayRoutes) -> None:
    gateway.now = START + timedelta(days=60)
    await gateway.publish(*(step(org, "here", 90) for org in ("housing", "court")))
    await gateway.publish(*(offered(n, "housing") for n in range(12)), *(offered(n, "court") for n in range(20, 34)))
    assert (await measured(gateway, AUDITOR))["n"] == 26
    await gateway.execute("update organisation set conceals = true where org = 'housing'")
    assert (await measured(gateway, AUDITOR))["n"] == 14


async def test_every_measure_says_where_it_comes_from(gateway: GatewayRoutes) -> None:
    listed = (await gateway.request(RESEARCHER, "GET", "/v1/measures")).json()["measures"]
    assert [each["number"] for each in listed] == [1, 2, 3, 4]
    for each in listed:
        found = await measured(gateway, AUDITOR, each["measure"])
        assert {name: found[name] for name in each} == each
        assert datetime.fromisoformat(found["as_of"]) == gateway.now
    unknown = await gateway.request(RESEARCHER, "GET", "/v1/measures/happiness")
    assert unknown.status_code == 404
    assert "handoff-completion" in unknown.json()["detail"]
    assert (
        await gateway.request(RESEARCHER, "GET", "/v1/measures/handoff-silence", params={"within_days": 13})
    ).status_code == 422
