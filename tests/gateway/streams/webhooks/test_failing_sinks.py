"""A sink that fails, is gone, is slow or asks for time: what is tried again, what is given up, and who waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import GatewayRoutes
from support.gateways.webhook_workers import QUICK, Clock, run_webhook_workers, status, subscribe_by_webhook, until
from support.intake.history import step
from support.servers.webhook_receiver import Posted, Reply, listening


async def test_a_sink_that_is_gone_is_posted_to_no_more_until_it_is_resumed(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(410)
        await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 1))
        await gateway.dispatch()
        said = await until(gateway, id, state="gone")
        assert (said["waiting"], said["last_failure"]["reason"], said["next_attempt"]) == (2, "410", None)
        await gateway.publish(step("clinic", "c3", 3))
        await gateway.dispatch()
        async with listening() as canary:
            await subscribe_by_webhook(gateway, canary)
            await gateway.publish(step("clinic", "c4", 4))
            await gateway.dispatch()
            await canary.until(lambda s: s.took)
        assert len(sink.posted) == 1
        sink.answer = lambda _: Reply(204)
        assert (
            await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/resume")
        ).status_code == 200
        await until(gateway, id, state="active", waiting=0)
    assert sorted(sink.ids()) == ["c1", "c2", "c3", "c4"]


@pytest.mark.parametrize("status_code", [429, 503])
async def test_a_sink_that_asks_for_time_is_left_alone_for_so_long(gateway: GatewayRoutes, status_code: int) -> None:
    clock = Clock()
    async with listening() as sink, run_webhook_workers(gateway, clock=clock):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(status_code, {"retry-after": "600"})
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until(lambda s: s.posted)
        await until(gateway, id, state="failing")
        await gateway.publish(step("clinic", "c2", 2))
        await gateway.dispatch()
        async with listening() as other:
            await subscribe_by_webhook(gateway, other)
            await gateway.publish(step("clinic", "c3", 3))
            await gateway.dispatch()
            await other.until(lambda s: s.took)
        assert len(sink.posted) == 1
        sink.answer = lambda _: Reply(204)
        clock.ahead = timedelta(seconds=601)
        await until(gateway, id, waiting=0)
    assert sorted(sink.ids()) == ["c1", "c2", "c3"]


async def test_what_a_sink_took_is_not_sent_again_after_it_asked_for_time(gateway: GatewayRoutes) -> None:
    clock, paused = Clock(), asyncio.Event()

    async def answer(posted: Posted) -> Reply:
        if posted.event["id"] == "a2":
            await paused.wait()
        if posted.event["id"] == "busy" and not paused.is_set():
            paused.set()
            return Reply(503, {"retry-after": "600"})
        return Reply(204)

    async with listening() as sink, run_webhook_workers(gateway, clock=clock):
        sink.answer = answer
        id, _ = await subscribe_by_webhook(gateway, sink)
        first = [step("clinic", f"a{n}", 1) for n in (1, 2, 3)]
        for each in (*first, *(step("clinic", f"b{n}", n) for n in range(4, 9)), step("clinic", "busy", 9)):
            await gateway.publish(each)
        await gateway.dispatch()
        await sink.until(lambda s: "a2" in s.ids())
        while await gateway.pool.fetchval("select leased_by is not null from webhook_sink"):
            await asyncio.sleep(0.02)
        assert "a3" not in [each.event["id"] for each in sink.posted]
        clock.ahead = timedelta(seconds=601)
        await until(gateway, id, waiting=0, delivered=9)
    times = Counter(each.event["id"] for each in sink.posted)
    assert times.pop("busy") == 2
    assert set(times.values()) == {1}


async def test_a_redirect_is_a_failure_and_followed_by_nobody(gateway: GatewayRoutes) -> None:
    async with listening() as sink, listening() as elsewhere, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(307, {"location": elsewhere.url})
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.posted) > 1)
        assert (await status(gateway, id))["last_failure"]["reason"] == "307"
    assert elsewhere.posted == []


async def test_an_event_that_a_sink_says_is_wrong_is_given_up_told_and_redriven(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        mended = False
        sink.answer = lambda posted: Reply(204 if mended or posted.event["id"] != "bad" else 422)
        await gateway.publish(step("clinic", "bad", 1), step("clinic", "good", 1), step("clinic", "other", 2))
        await gateway.dispatch()
        said = await until(gateway, id, failures=1, waiting=0)
        assert (said["state"], said["delivered"]) == ("active", 2)
        assert [each.event["id"] for each in sink.posted].count("bad") == QUICK.max_attempts_client_error
        found = (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/failures")).json()
        (failure,) = found["failures"]
        assert (failure["number"], failure["attempts"], failure["reason"]) == (
            1,
            QUICK.max_attempts_client_error,
            "422",
        )
        await gateway.publish(step("clinic", "next", 3))
        await gateway.dispatch()
        await sink.until(lambda s: s.took[-1].event["id"] == "next")
        assert sink.took[-1].headers["pathline-failures"] == "1"
        mended = True
        nothing = await gateway.request(
            AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/redrive", json={"numbers": [2, 99]}
        )
        assert nothing.json() == {"redriven": 0}
        assert (
            await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/redrive", json={})
        ).json() == {"redriven": 1}
        await until(gateway, id, failures=0, waiting=0)
    assert sorted(sink.ids()) == ["bad", "good", "next", "other"]
    assert "pathline-failures" not in sink.took[-1].headers


async def test_an_event_that_fails_for_a_week_is_given_up(gateway: GatewayRoutes) -> None:
    clock = Clock()
    async with listening() as sink, run_webhook_workers(gateway, clock=clock):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda posted: Reply(500 if posted.event["id"] == "bad" else 204)
        await gateway.publish(step("clinic", "bad", 1), step("clinic", "good", 1))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.posted) > 1)
        clock.ahead = timedelta(days=6, hours=23)
        posted = len(sink.posted)
        await sink.until(lambda s: len(s.posted) > posted + 1)
        await gateway.publish(step("clinic", "other", 2))
        await gateway.dispatch()
        await sink.until(lambda s: s.took)
        assert (await status(gateway, id))["failures"] == 0
        clock.ahead = timedelta(days=7, minutes=1)
        await until(gateway, id, failures=1, waiting=0, state="active")
    assert sink.ids() == ["other", "good"]


async def test_a_sink_that_takes_nothing_for_a_week_is_left_and_nothing_is_lost(gateway: GatewayRoutes) -> None:
    clock = Clock()
    async with listening() as sink, run_webhook_workers(gateway, clock=clock):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(500)
        for n in range(10):
            await gateway.publish(step("clinic", f"c{n}", n % 3))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.posted) > QUICK.failure_threshold)
        clock.ahead = timedelta(days=7, minutes=1)
        said = await until(gateway, id, state="unreachable")
        assert (said["failures"], said["waiting"]) == (0, 10)
        sink.answer = lambda _: Reply(204)
        await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/resume")
        await until(gateway, id, waiting=0, state="active")
    assert sorted(sink.ids()) == [f"c{n}" for n in range(10)]


async def test_a_sink_that_fails_gets_one_request_at_a_time_and_slows_no_other(gateway: GatewayRoutes) -> None:
    hanging = asyncio.Event()

    async def never(_: Posted) -> Reply:
        await hanging.wait()
        return Reply(500)

    async with listening() as dead, listening() as healthy, run_webhook_workers(gateway, replace(QUICK, request_s=1.0)):
        await subscribe_by_webhook(gateway, dead)
        id, _ = await subscribe_by_webhook(gateway, healthy)
        dead.answer = never
        for n in range(40):
            await gateway.publish(step("clinic", f"c{n}", n))
        await gateway.dispatch()
        await until(gateway, id, waiting=0, seconds=5)
        assert len(healthy.ids()) == 40
        assert healthy.most_at_once <= QUICK.max_concurrency
        assert len(dead.posted) <= 3
        hanging.set()


async def test_a_slow_or_endless_answer_is_not_waited_for(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        sink.answer = lambda _: Reply(200, {}, b"x" * 5_000_000)
        await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 2))
        await gateway.dispatch()
        await until(gateway, id, waiting=0, delivered=2)
    assert sorted(sink.ids()) == ["c1", "c2"]
