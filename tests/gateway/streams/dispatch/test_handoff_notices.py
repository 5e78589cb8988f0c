"""Whoever is concerned is told of silence once, in the order of what she is told, and of its end once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.streams.dispatch.watchdog_run import (
    BEGIN,
    DOOR,
    HASH,
    TOKEN,
    WatchdogRun,
    handoff_event,
    notices_of,
    offered,
)
from pathline import instant
from pathline.vocabulary import Payload
from pathline.vocabulary.handoffs import HandoffAccepted, HandoffDeclined, HandoffRedirected
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.embedded import Machine
from pathline_gateway.handoffs.silence import SOURCE
from support.examples import examples
from support.gateways.routes import GatewayRoutes, routes_on, subscriber
from support.gateways.subscriptions import pull_events, subscribe_by_pull
from support.intake.history import Event, step
from support.intake.played import find_faults


def accepted(id: str = "a", handoff: str = "clinic:h", minute: int = 0) -> Event:
    return handoff_event("housing", id, HandoffAccepted.model_validate({"handoff": handoff, "token": TOKEN}), 2)


async def test_both_organisations_are_told_of_silence_and_of_its_end_once(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "here", 9))
    sender = await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    stranger = await subscribe_by_pull(gateway, subscriber("court"), "court")
    all_of_it = await subscribe_by_pull(
        gateway, AUTH_DISABLED_CALLER, "reader", {"prefix": {"type": "org.pathline.handoff."}}
    )
    await gateway.publish(offered(accept=60, contact=600))
    dog = WatchdogRun(gateway)
    await dog.at(59)
    await dog.at(61)
    dog.restart()
    await dog.at(62)
    await gateway.publish(accepted())
    await dog.at(63)
    await dog.at(64)
    both = [("silent", "accept"), ("answered", "accept")]
    for who, org, id in ((subscriber("clinic"), "clinic", sender), (subscriber("housing"), "housing", receiver)):
        page = await pull_events(gateway, who, id)
        assert notices_of(page) == both, org
        assert [e["number"] for e in page["events"]] == list(range(1, page["count"] + 1))
    assert notices_of(await pull_events(gateway, subscriber("court"), stranger)) == []
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, all_of_it)
    assert [e["type"].split(".")[-2] for e in page["events"]] == ["offered", "silent", "accepted", "answered"]
    silent = page["events"][1]
    assert silent["data"] == {
        "handoff": "clinic:h", "from": "clinic", "to": "housing", "stage": "accept",
        "due": instant.to_text(BEGIN + timedelta(minutes=60)), "answered": None,
    }  # fmt: skip
    assert page["events"][3]["data"]["answered"] is not None


async def test_nobody_is_told_of_a_receiver_that_is_not_here_or_of_what_was_imported(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(offered(accept=60))
    await gateway.publish(step("shelter", "here", 9), offered("late", "clinic:old", accept=-60))
    dog = WatchdogRun(gateway)
    await dog.at(600)
    assert notices_of(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == []


async def test_while_the_broker_or_intake_is_away_nothing_is_said(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(step("housing", "here", 9), offered(accept=60))
    dog = WatchdogRun(gateway)
    await dog.at(0)
    dog.broker = False
    await dog.at(61)
    dog.broker = True
    dog.progress.observe_end(DOOR, 3)  # three records are there, and not applied
    await dog.at(62)
    assert notices_of(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == []
    await dog.progress.advance({DOOR: 2})
    await dog.at(63)
    assert notices_of(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == []
    await dog.progress.advance({DOOR: 3})
    await dog.at(64)
    assert notices_of(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == [("silent", "accept")]


async def test_a_receiver_that_conceals_is_silent_for_nobody_but_itself(gateway: GatewayRoutes) -> None:
    sender = await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    await gateway.publish(step("housing", "here", 9), offered(accept=60))
    await gateway.execute("update organisation set conceals = true where org = 'housing'")
    await WatchdogRun(gateway).at(61)
    assert notices_of(await pull_events(gateway, subscriber("clinic"), sender)) == []
    assert notices_of(await pull_events(gateway, subscriber("housing"), receiver)) == [("silent", "accept")]


@pytest.mark.parametrize("how", ["declined", "accepted", "redirected"])
async def test_who_may_not_know_of_an_answer_is_not_told_that_there_is_one(gateway: GatewayRoutes, how: str) -> None:
    sender = await subscribe_by_pull(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    await gateway.publish(step("housing", "here", 9), step("refuge", "there", 8), offered(accept=60))
    await gateway.execute("update organisation set conceals = true where org = 'refuge'")
    dog = WatchdogRun(gateway)
    await dog.at(61)
    if how == "redirected":
        to = {"handoff": "clinic:h", "to": {"org": "refuge"}, "token_sha256": HASH}
        answer: Payload = HandoffRedirected.model_validate(to)
    elif how == "declined":
        answer = HandoffDeclined.model_validate({"handoff": "clinic:h", "reason": "capacity", "safety": "conceal"})
    else:
        answer = HandoffAccepted.model_validate({"handoff": "clinic:h", "token": TOKEN, "safety": "conceal"})
    await gateway.publish(handoff_event("housing", "a", answer, 2))
    await dog.at(62)
    page = await pull_events(gateway, subscriber("clinic"), sender)
    assert notices_of(page) == [("silent", "accept")]
    hers = await pull_events(gateway, subscriber("housing"), receiver)
    assert notices_of(hers) == [("silent", "accept"), ("answered", "accept")]
    assert hers["events"][-1]["data"]["answered"] is not None


TURNS = st.lists(st.sampled_from(["offer", "accept", "wait", "outage", "back", "restart", "twice"]), max_size=14)


@given(TURNS, st.integers(0, 2))
@examples(25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_silence_is_said_once_whatever_happens_meanwhile(
    machine: Machine, turns: list[str], grace: int
) -> None:
    async with routes_on(machine) as gateway:
        id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", {"exact": {"source": SOURCE}})
        await gateway.publish(step("housing", "here", 9))
        dog, minute, was_offered, was_accepted = WatchdogRun(gateway, timedelta(minutes=60 * grace)), 0, False, False
        expected: list[tuple[str, str | None]] = []
        for turn in [*turns, "back"]:
            match turn:
                case "offer" | "twice":
                    await gateway.publish(offered(accept=60))
                    was_offered = True
                case "accept":
                    await gateway.publish(accepted())
                    was_accepted = True
                case "wait":
                    minute += 50
                case "outage":
                    dog.broker = False
                case "back":
                    dog.broker = True
                case "restart":
                    dog.restart()
            waited = was_offered and not was_accepted
            await dog.gateway.dispatch()
            await asyncio.gather(dog.at(minute), dog.watchdog.check())
            if waited and dog.broker and minute > 60 + 60 * grace and not expected:
                expected.append(("silent", "accept"))
            if len(expected) == 1 and not waited:
                expected.append(("answered", "accept"))
        assert notices_of(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == expected
        async with gateway.pool.acquire() as connection:
            assert isinstance(connection, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy)
            assert await find_faults(connection) == {}
