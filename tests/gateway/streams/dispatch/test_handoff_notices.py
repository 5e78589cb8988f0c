"""Whoever is concerned is told of silence once, in the order of what she is told, and of its end once."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from gateway.streams.dispatch.test_dispatcher import pulled, subscribed
from pathline import instant
from pathline.vocabulary import Payload
from pathline.vocabulary.handoffs import HandoffAccepted, HandoffDeclined, HandoffOffered, HandoffRedirected
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.embedded import Machine
from pathline_gateway.handoffs.silence import SOURCE
from pathline_gateway.handoffs.watchdog import Watchdog
from pathline_gateway.kafka.progress import Progress
from pathline_gateway.streams.dispatch import handoff_notices
from pathline_gateway.streams.subscriptions.subscription_index import SubscriptionIndex
from support.examples import examples
from support.gateways.routes import SECRET, GatewayRoutes, routes_on, subscriber
from support.intake.history import Event, step, subject
from support.intake.played import find_faults
from support.notice_schema import check_notice

BEGIN = datetime.now(UTC).replace(microsecond=0)
"""Events are received now, whatever else the clock of a gateway says: what is due must be so later."""
DOOR = ("pathline.in.door-1", 0)
TOKEN = "a-token-of-22-characters"
HASH = hashlib.sha256(TOKEN.encode()).hexdigest()


def due(**minutes: int) -> dict[str, str]:
    return {stage: instant.to_text(BEGIN + timedelta(minutes=m)) for stage, m in minutes.items()}


def offered(id: str = "o", handoff: str = "clinic:h", **minutes: int) -> Event:
    said: dict[str, Any] = {"handoff": handoff, "to": {"org": "housing"}, "token_sha256": HASH, "due": due(**minutes)}
    return told("clinic", id, HandoffOffered.model_validate({**said, "context_released": False}), 1)


def accepted(id: str = "a", handoff: str = "clinic:h", minute: int = 0) -> Event:
    return told("housing", id, HandoffAccepted.model_validate({"handoff": handoff, "token": TOKEN}), 2)


def told(org: str, id: str, payload: Payload, n: int) -> Event:
    return Event(org, id, subject(n), payload)


class WatchdogRun:
    """A watchdog of a gateway, whose log is as a test says."""

    def __init__(self, gateway: GatewayRoutes, grace: timedelta = timedelta()) -> None:
        self.gateway, self.grace, self.progress, self.broker = gateway, grace, Progress(), True
        self.progress.observe_end(DOOR, 0)
        self.restart()

    def restart(self) -> None:
        give = partial(
            handoff_notices.deliver_notices,
            index=SubscriptionIndex(auth_disabled=True),
            secret=SECRET,
            now=lambda: self.gateway.now,
        )
        clock = lambda: self.gateway.now  # noqa: E731
        self.watchdog = Watchdog(
            self.gateway.pool, clock, SECRET, self.progress, self._looked, give, lambda _: None, self.grace
        )

    async def _looked(self) -> float | None:
        return 0.0 if self.broker else None

    async def look(self) -> None:
        await self.gateway.dispatch()
        while await self.watchdog.check():
            pass

    async def at(self, minute: int) -> None:
        self.gateway.now = BEGIN + timedelta(minutes=minute)
        await self.look()


def said(page: dict[str, Any]) -> list[tuple[str, str | None]]:
    """The notices of a page, each as its contract says."""
    found = [event for event in page["events"] if event.get("source") == SOURCE]
    for event in found:
        check_notice(event)
    return [(event["type"].split(".")[-2], event["data"]["stage"]) for event in found]


async def test_both_organisations_are_told_of_silence_and_of_its_end_once(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "here", 9))
    sender = await subscribed(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribed(gateway, subscriber("housing"), "housing")
    stranger = await subscribed(gateway, subscriber("court"), "court")
    all_of_it = await subscribed(gateway, AUTH_DISABLED_CALLER, "reader", {"prefix": {"type": "org.pathline.handoff."}})
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
        page = await pulled(gateway, who, id)
        assert said(page) == both, org
        assert [e["number"] for e in page["events"]] == list(range(1, page["count"] + 1))
    assert said(await pulled(gateway, subscriber("court"), stranger)) == []
    page = await pulled(gateway, AUTH_DISABLED_CALLER, all_of_it)
    assert [e["type"].split(".")[-2] for e in page["events"]] == ["offered", "silent", "accepted", "answered"]
    silent = page["events"][1]
    assert silent["data"] == {
        "handoff": "clinic:h", "from": "clinic", "to": "housing", "stage": "accept",
        "due": instant.to_text(BEGIN + timedelta(minutes=60)), "answered": None,
    }  # fmt: skip
    assert page["events"][3]["data"]["answered"] is not None


async def test_nobody_is_told_of_a_receiver_that_is_not_here_or_of_what_was_imported(gateway: GatewayRoutes) -> None:
    id = await subscribed(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(offered(accept=60))
    await gateway.publish(step("shelter", "here", 9), offered("late", "clinic:old", accept=-60))
    dog = WatchdogRun(gateway)
    await dog.at(600)
    assert said(await pulled(gateway, AUTH_DISABLED_CALLER, id)) == []


async def test_while_the_broker_or_intake_is_away_nothing_is_said(gateway: GatewayRoutes) -> None:
    id = await subscribed(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(step("housing", "here", 9), offered(accept=60))
    dog = WatchdogRun(gateway)
    await dog.at(0)
    dog.broker = False
    await dog.at(61)
    dog.broker = True
    dog.progress.observe_end(DOOR, 3)  # three records are there, and not applied
    await dog.at(62)
    assert said(await pulled(gateway, AUTH_DISABLED_CALLER, id)) == []
    await dog.progress.advance({DOOR: 2})
    await dog.at(63)
    assert said(await pulled(gateway, AUTH_DISABLED_CALLER, id)) == []
    await dog.progress.advance({DOOR: 3})
    await dog.at(64)
    assert said(await pulled(gateway, AUTH_DISABLED_CALLER, id)) == [("silent", "accept")]


async def test_a_receiver_that_conceals_is_silent_for_nobody_but_itself(gateway: GatewayRoutes) -> None:
    sender = await subscribed(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribed(gateway, subscriber("housing"), "housing")
    await gateway.publish(step("housing", "here", 9), offered(accept=60))
    await gateway.execute("update organisation set conceals = true where org = 'housing'")
    await WatchdogRun(gateway).at(61)
    assert said(await pulled(gateway, subscriber("clinic"), sender)) == []
    assert said(await pulled(gateway, subscriber("housing"), receiver)) == [("silent", "accept")]


@pytest.mark.parametrize("how", ["declined", "accepted", "redirected"])
async def test_who_may_not_know_of_an_answer_is_not_told_that_there_is_one(gateway: GatewayRoutes, how: str) -> None:
    sender = await subscribed(gateway, subscriber("clinic"), "clinic")
    receiver = await subscribed(gateway, subscriber("housing"), "housing")
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
    await gateway.publish(told("housing", "a", answer, 2))
    await dog.at(62)
    page = await pulled(gateway, subscriber("clinic"), sender)
    assert said(page) == [("silent", "accept")]
    hers = await pulled(gateway, subscriber("housing"), receiver)
    assert said(hers) == [("silent", "accept"), ("answered", "accept")]
    assert hers["events"][-1]["data"]["answered"] is not None


TURNS = st.lists(st.sampled_from(["offer", "accept", "wait", "outage", "back", "restart", "twice"]), max_size=14)


@given(TURNS, st.integers(0, 2))
@examples(25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_silence_is_said_once_whatever_happens_meanwhile(
    machine: Machine, turns: list[str], grace: int
) -> None:
    async with routes_on(machine) as gateway:
        id = await subscribed(gateway, AUTH_DISABLED_CALLER, "reader", {"exact": {"source": SOURCE}})
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
        assert said(await pulled(gateway, AUTH_DISABLED_CALLER, id)) == expected
        async with gateway.pool.acquire() as connection:
            assert isinstance(connection, asyncpg.Connection | asyncpg.pool.PoolConnectionProxy)
            assert await find_faults(connection) == {}
