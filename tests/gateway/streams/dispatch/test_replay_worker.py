"""What was stored is given again as a series of its own: looked at again, numbered from 1, and live events go on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.streams.dispatch.replay_worker import Replayer
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.subscriptions import event_ids, pull_events, subscribe_by_pull
from support.gateways.webhook_workers import run_webhook_workers, status, subscribe_by_webhook, until
from support.intake.history import linked, ref, step
from support.intake.life import consent_given, make_event
from support.servers.webhook_receiver import Reply, listening


async def replayed(gateway: GatewayRoutes, by: Caller, id: str, start: str) -> str:
    """The cursor of the new series."""
    answer = await gateway.request(by, "POST", f"/v1/subscriptions/{id}/replay", json={"from": start})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["next"])


async def test_a_series_begins_after_a_number_and_its_cursor_names_it(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(5)))
    await gateway.publish(step("clinic", "c5", 5))
    assert (await pull_events(gateway, AUTH_DISABLED_CALLER, id))["count"] == 6
    second = await replayed(gateway, AUTH_DISABLED_CALLER, id, "n2")
    assert second == "s2n0"
    await gateway.publish(step("clinic", "live", 7))
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=second, limit=3)
    assert event_ids(page) == ["c2", "c3", "c4"]
    assert [(event["series"], event["number"]) for event in page["events"]] == [(2, 1), (2, 2), (2, 3)]
    rest = await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=page["next"])
    assert (event_ids(rest), rest["next"]) == (["c5"], "s2n4")
    assert (await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="s2n4"))["events"] == []
    first = await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="n6")
    assert (event_ids(first), "series" in first["events"][0]) == (["live"], False)
    said = (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/status")).json()["replays"]
    assert [(each["series"], each["complete"], each["given"]) for each in said] == [(2, True, 4)]


async def test_a_series_from_an_instant_has_what_was_stored_before_it_was_subscribed(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "old", 1))
    await gateway.pool.execute("update change_log set logged_at = now() - interval '9 days'")
    await gateway.publish(step("clinic", "before", 1), step("housing", "h1", 2))
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", {"exact": {"org": "clinic"}})
    await gateway.publish(step("clinic", "after", 1))
    await gateway.dispatch()
    week = (datetime.now(UTC) - timedelta(days=7)).isoformat()
    assert event_ids(
        await pull_events(
            gateway, AUTH_DISABLED_CALLER, id, after=await replayed(gateway, AUTH_DISABLED_CALLER, id, week)
        )
    ) == ["before", "after"]
    everything = await replayed(gateway, AUTH_DISABLED_CALLER, id, "n0")
    assert everything == "s3n0"
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=everything)) == ["after"]
    listed = (await gateway.request(AUTH_DISABLED_CALLER, "GET", "/v1/subscriptions")).json()["subscriptions"]
    assert [each["id"] for each in listed] == [id]
    assert (await gateway.request(AUTH_DISABLED_CALLER, "DELETE", f"/v1/subscriptions/{id}")).status_code == 204
    assert await gateway.pool.fetchval("select count(*) from subscription") == 0


async def test_a_series_has_what_was_stored_before_its_shard_had_a_subscription(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "before", 1))
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    # Nobody has dispatched since: what the shard has looked at is nothing.
    series = await replayed(gateway, AUTH_DISABLED_CALLER, id, "0001-01-01T00:00:00Z")
    await gateway.publish(step("clinic", "after", 1))
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=series)) == ["before"]
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == ["after"]


async def test_filters_and_what_may_be_seen_are_looked_at_again(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    id = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"), step("housing", "h1", 2, 7))
    assert (await pull_events(gateway, subscriber("housing"), id))["count"] == 2
    seen = await replayed(gateway, subscriber("housing"), id, "n0")
    assert (await pull_events(gateway, subscriber("housing"), id, after=seen))["count"] == 2
    await gateway.publish(make_event("citizen", "k2", "consent.withdrawn", 9, 9, consent="c1"))
    assert {"number": 1, "withheld": True, "series": 2} in (
        await pull_events(gateway, subscriber("housing"), id, after=seen)
    )["events"]
    hidden = await replayed(gateway, subscriber("housing"), id, "n0")
    assert event_ids(await pull_events(gateway, subscriber("housing"), id, after=hidden)) == ["h1"]
    other = {"protocol": "PULL", "config": {"organisation": "housing", "purpose": "care"},
             "filters": [{"exact": {"org": "bank"}}]}  # fmt: skip
    await gateway.request(subscriber("housing"), "PUT", f"/v1/subscriptions/{id}", json=other)
    none = await replayed(gateway, subscriber("housing"), id, "n0")
    assert (await pull_events(gateway, subscriber("housing"), id, after=none))["count"] == 0


async def test_two_that_replay_at_once_give_nothing_twice(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    for n in range(20):
        await gateway.publish(step("clinic", f"c{n}", n))
    await gateway.dispatch()
    started = await replayed(gateway, AUTH_DISABLED_CALLER, id, "n0")
    await replayed(gateway, AUTH_DISABLED_CALLER, id, "n0")
    refused = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/replay", json={"from": "n0"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:pathline:problem:replays-going-on")

    async def give() -> None:
        replayer = Replayer(gateway.pool, lambda: gateway.now, auth_disabled=True)
        more = True
        while more:
            try:
                more = await replayer.replay_some()
            except asyncpg.SerializationError:  # the other was there first: it is tried again, as `run` does
                continue

    await asyncio.gather(give(), give())
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=started)
    assert event_ids(page) == [f"c{n}" for n in range(20)]
    assert [event["number"] for event in page["events"]] == list(range(1, 21))


async def test_a_series_is_posted_to_the_sink_signed_and_under_ids_of_its_own(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, secret = await subscribe_by_webhook(gateway, sink)
        await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 1))
        await gateway.dispatch()
        await until(gateway, id, waiting=0, delivered=2)
        sink.answer = lambda posted: Reply(422 if posted.event["id"] == "c1" else 204)
        await replayed(gateway, AUTH_DISABLED_CALLER, id, "n0")
        await gateway.dispatch()

        async def series() -> dict[str, Any]:
            return dict((await status(gateway, id))["replays"][0])

        while (await series())["waiting"] or not (await series())["failures"]:
            await asyncio.sleep(0.02)
        path = f"/v1/subscriptions/{id}"
        assert (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"{path}/failures")).json()["failures"] == []
        found = (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"{path}/failures?series=2")).json()["failures"]
        assert [each["number"] for each in found] == [1]
        sink.answer = lambda _: Reply(204)
        redriven = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"{path}/redrive?series=2", json={})
        assert redriven.json() == {"redriven": 1}
        await sink.until(lambda s: len(s.took) == 4)
    for posted in sink.took:
        posted.verify(secret)
    assert [each.id for each in sink.took] == [f"{id}-1", f"{id}-2", f"{id}-s2-2", f"{id}-s2-1"]
    assert [each.event.get("series") for each in sink.took] == [None, None, 2, 2]


@pytest.mark.parametrize(
    ("start", "code"), [("s2n1", 422), ("n99", 422), ("yesterday", 422), ("2026-03-01", 422), ("nx", 400), ("", 422)]
)
async def test_what_is_no_beginning_is_refused(gateway: GatewayRoutes, start: str, code: int) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/replay", json={"from": start})
    assert answer.status_code == code, answer.text
    assert "yesterday" not in answer.text
    assert (
        await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/events?after=s7n0")
    ).status_code == 404
    assert (
        await gateway.request(subscriber("bank"), "POST", f"/v1/subscriptions/{id}/replay", json={"from": "n0"})
    ).status_code == 404
