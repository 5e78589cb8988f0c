"""What a subscription is given is posted to its sink: signed, in the order of each pathway, until the sink has it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.examples import later_ones_long
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.webhook_workers import (
    QUICK,
    Clock,
    run_webhook_workers,
    status,
    subscribe_by_webhook,
    until,
    webhook_subscription,
)
from support.intake.history import linked, ref, step, subject
from support.intake.life import consent_given, make_event
from support.servers.webhook_receiver import Posted, Reply, Sink, listening


async def test_an_event_is_posted_signed_and_as_a_cloudevent(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, secret = await subscribe_by_webhook(gateway, sink, {"exact": {"org": "clinic"}})
        await gateway.publish(step("housing", "h1", 2), step("clinic", "c1", 1), step("clinic", "c2", 2))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.took) == 2)
        said = await until(gateway, id, waiting=0)
    first, second = sorted(sink.took, key=lambda each: each.event["number"])
    assert (first.id, second.id) == (f"{id}-1", f"{id}-2")
    first.verify(secret)
    with pytest.raises(WebhookVerificationError):
        replace(first, body=second.body).verify(secret)
    event = first.read()
    assert (event.get_id(), event.get_type()) == ("c1", "org.pathline.activity.recorded.v1")
    assert (event.get_subject(), event.get_extension("number")) == (subject(1), 1)
    data = event.get_data()
    assert isinstance(data, dict)
    assert data["activity"] == "Opened"
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert first.headers["webhook-request-origin"] == "gateway.test"
    assert (said["state"], said["given"], said["delivered"], said["failures"]) == ("active", 2, 2, 0)
    assert said["last_success"] is not None
    assert said["last_failure"] is said["waiting_since"] is said["next_attempt"] is None


async def test_a_sink_is_asked_before_anything_is_posted_to_it(gateway: GatewayRoutes) -> None:
    async with listening() as sink:
        for answer in (
            Reply(200),
            Reply(200, {"webhook-allowed-origin": "elsewhere.test"}),
            Reply(405, {"webhook-allowed-origin": "*"}),
            Reply(302, {"location": "/", "webhook-allowed-origin": "*"}),
            Reply(200, {"webhook-allowed-origin": "*", "webhook-allowed-rate": "0"}),
        ):
            sink.handshake = answer
            refused = await gateway.request(
                AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=webhook_subscription(sink)
            )
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:pathline:problem:sink-refused")
        sink.handshake = Reply(204, {"webhook-allowed-origin": "gateway.test"})
        id, _ = await subscribe_by_webhook(gateway, sink)
        assert await gateway.pool.fetchval("select count(*) from subscription") == 1
        async with listening() as other:
            other.handshake = Reply(403)
            moved = await gateway.request(
                AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json=webhook_subscription(other)
            )
            assert moved.status_code == 422
            assert (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}")).json()[
                "sink"
            ] == sink.url
        gone = await gateway.request(
            AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json=webhook_subscription(other)
        )
        assert (gone.status_code, gone.json()["type"]) == (422, "urn:pathline:problem:sink-not-reached")
        assert "unreachable" in gone.json()["detail"]


@pytest.mark.parametrize(
    "change",
    [
        {"sink": None},
        {"protocol": "PULL"},
        {"sink": "ftp://127.0.0.1/"},
        {"sink": "http://me:secret@127.0.0.1/"},
        {"sink": "https://127.0.0.1/#x"},
        {"sink": "http://127.0.0.1:99999/"},
        {"sink": "/relative"},
    ],
)
async def test_what_is_no_sink_is_refused_and_not_repeated(gateway: GatewayRoutes, change: dict[str, Any]) -> None:
    wanted = {**webhook_subscription(Sink("http://127.0.0.1:1/")), **change}
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pathline:problem:malformed-sink")
    assert "secret" not in answer.text


async def test_a_secret_is_told_once_and_the_old_one_signs_for_a_day(gateway: GatewayRoutes) -> None:
    clock = Clock()
    async with listening() as sink, run_webhook_workers(gateway, clock=clock):
        id, old = await subscribe_by_webhook(gateway, sink)
        assert old not in (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}")).text
        new = (await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/secret")).json()["secret"]
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.took) == 1)
        assert len(sink.took[0].headers["webhook-signature"].split(" ")) == 2
        for secret in (old, new):
            sink.took[0].verify(secret)
        newest = (await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/secret")).json()[
            "secret"
        ]
        canary = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/canary")
        assert canary.json()["delivered"] is True
        sink.took[1].verify(new)
        sink.took[1].verify(newest)
        with pytest.raises(WebhookVerificationError):
            sink.took[1].verify(old)
        clock.ahead = timedelta(hours=24, seconds=1)
        await gateway.publish(step("clinic", "c2", 1))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.took) == 3)
        assert len(sink.took[2].headers["webhook-signature"].split(" ")) == 1


async def test_what_may_no_longer_be_shown_is_posted_as_a_marker(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    async with listening() as sink:
        await subscribe_by_webhook(gateway, sink, by=subscriber("housing"), org="housing")
        await gateway.publish(
            make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"), step("housing", "h1", 2, 7)
        )
        await gateway.dispatch()
        await gateway.publish(make_event("citizen", "k2", "consent.withdrawn", 9, 9, consent="c1"))
        async with run_webhook_workers(gateway):
            await sink.until(lambda s: len(s.took) == 2)
    by_number = {each.event["number"]: each for each in sink.took}
    marker = by_number[1].read()
    assert (marker.get_type(), marker.get_data()) == ("org.pathline.event.withheld.v1", None)
    assert by_number[1].event.keys() == {"specversion", "id", "source", "type", "number"}
    assert by_number[2].event["id"] == "h1"


@pytest.mark.parametrize("seed", later_ones_long(range(4)))
async def test_each_pathway_comes_in_order_to_a_sink_that_fails_at_random(gateway: GatewayRoutes, seed: int) -> None:
    chance = random.Random(seed)

    async def sometimes(posted: Posted) -> Reply:
        await asyncio.sleep(chance.random() * 0.01)
        return Reply(chance.choice([204, 204, 204, 200, 500, 503, 409, 302]))

    people = 7
    async with (
        listening() as sink,
        run_webhook_workers(gateway, replace(QUICK, lookahead=8, max_attempts_client_error=10**6)),
    ):
        sink.answer = sometimes
        id, secret = await subscribe_by_webhook(gateway, sink)
        sent: dict[int, list[str]] = defaultdict(list)
        for batch in range(6):
            steps = []
            for n in range(15):
                who = chance.randrange(people)
                sent[who].append(f"e{batch}-{n}")
                steps.append(step("clinic", sent[who][-1], who))
            await gateway.publish(*steps)
            await gateway.dispatch()
        await until(gateway, id, waiting=0, failures=0, delivered=90)
        assert sink.most_at_once > 1
    taken: dict[str, list[str]] = defaultdict(list)
    given: dict[str, list[int]] = defaultdict(list)
    for posted in sink.took:
        posted.verify(secret)
        given[posted.event["subject"]].append(posted.event["number"])
        if posted.event["id"] not in taken[posted.event["subject"]]:
            taken[posted.event["subject"]].append(posted.event["id"])
    for who, ids in sent.items():
        assert sorted(taken[subject(who)]) == sorted(ids)
        assert given[subject(who)] == sorted(given[subject(who)])


async def test_an_event_that_fails_holds_back_its_own_pathway_alone(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway, replace(QUICK, lookahead=4)):
        id, _ = await subscribe_by_webhook(gateway, sink)
        mended = False
        sink.answer = lambda posted: Reply(204 if mended or posted.event["id"] != "first" else 500)
        await gateway.publish(step("clinic", "first", 1))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.posted) > 1)
        for n in range(20):
            await gateway.publish(step("clinic", f"same-{n}", 1), step("clinic", f"other-{n}", n + 2))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.took) == 20)
        assert all(each.startswith("other-") for each in sink.ids())
        said = await until(gateway, id, waiting=21)
        assert (said["delivered"], said["last_failure"]["reason"]) == (0, "500")
        assert said["waiting_since"] is not None
        mended = True
        await until(gateway, id, waiting=0, delivered=41)
    assert sink.ids()[20:] == ["first", *(f"same-{n}" for n in range(20))]


async def test_a_pathway_that_was_joined_to_one_that_is_held_back_waits_with_it(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        await gateway.publish(step("clinic", "c0", 1), step("housing", "h0", 2))
        id, _ = await subscribe_by_webhook(gateway, sink)
        mended = False
        sink.answer = lambda posted: Reply(204 if mended or posted.event["id"] != "c1" else 500)
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until(lambda s: s.posted)
        await gateway.publish(linked("l1", ref("clinic", 1), ref("housing", 2)))
        await gateway.publish(step("housing", "h1", 2), step("bank", "b1", 3))
        await gateway.dispatch()
        await sink.until(lambda s: "b1" in s.ids() and len(s.posted) > 8)
        assert sink.ids() == ["b1"]
        mended = True
        await until(gateway, id, waiting=0)
    assert sink.ids() == ["b1", "c1", "h1"]


async def test_no_more_than_so_many_events_are_held_back_and_none_is_lost(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway, replace(QUICK, lookahead=4, max_held=6)):
        id, _ = await subscribe_by_webhook(gateway, sink)
        mended = False
        sink.answer = lambda posted: Reply(204 if mended or posted.event["subject"] == subject(0) else 500)
        for n in range(40):
            await gateway.publish(step("clinic", f"c{n}", n % 2))
        await gateway.dispatch()
        async with asyncio.timeout(20):
            while await gateway.pool.fetchval("select count(*) from webhook_retry") < 6:
                await asyncio.sleep(0.02)
        again = len(sink.posted)
        await sink.until(lambda s: len(s.posted) > again + 60)
        assert await gateway.pool.fetchval("select count(*) from webhook_retry") <= 10
        assert len(sink.took) < 20
        mended = True
        await until(gateway, id, waiting=0, delivered=40)
    for parity in (0, 1):
        expected = [f"c{n}" for n in range(parity, 40, 2)]
        assert [each for each in sink.ids() if int(each[1:]) % 2 == parity] == expected


async def test_no_more_is_sent_than_a_sink_allows(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        sink.handshake = Reply(200, {"webhook-allowed-origin": "*", "webhook-allowed-rate": "150"})
        id, _ = await subscribe_by_webhook(gateway, sink)
        began = time.monotonic()
        await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(4)))
        await gateway.dispatch()
        await until(gateway, id, waiting=0)
        assert time.monotonic() - began > 3 * 60 / 150 - 0.05
    assert len(sink.took) == 4


async def test_what_one_left_when_it_ended_another_takes_up_at_once(gateway: GatewayRoutes) -> None:
    async with listening() as sink:
        sink.answer = slowly
        id, _ = await subscribe_by_webhook(gateway, sink)
        for n in range(30):
            await gateway.publish(step("clinic", f"c{n}", n % 3))
        await gateway.dispatch()
        async with run_webhook_workers(gateway):
            await sink.until(lambda s: len(s.ids()) >= 5)
        async with run_webhook_workers(gateway):
            await sink.until(lambda s: len(s.ids()) >= 15)
        async with run_webhook_workers(gateway):
            await until(gateway, id, waiting=0, seconds=10)
    for person in range(3):
        expected = [f"c{n}" for n in range(person, 30, 3)]
        assert [each for each in sink.ids() if int(each[1:]) % 3 == person] == expected


async def slowly(_: Posted) -> Reply:
    await asyncio.sleep(0.01)
    return Reply()


async def test_two_that_post_share_the_sinks_and_what_one_leaves_the_other_takes_up(gateway: GatewayRoutes) -> None:
    async with listening() as one, listening() as two:
        sinks = {(await subscribe_by_webhook(gateway, sink))[0]: sink for sink in (one, two)}
        async with run_webhook_workers(gateway), run_webhook_workers(gateway):
            for n in range(20):
                await gateway.publish(step("clinic", f"c{n}", n % 4))
            await gateway.dispatch()
            for id in sinks:
                await until(gateway, id, waiting=0)
        for sink in sinks.values():
            assert [each.id for each in sink.took] == list(dict.fromkeys(each.id for each in sink.took))
        # As if it had been killed: its lease ends by itself.
        await gateway.pool.execute(
            "update webhook_sink set leased_by = gen_random_uuid(), lease_until = now() + interval '1 second'"
        )
        async with run_webhook_workers(gateway):
            await gateway.publish(step("clinic", "last", 1))
            await gateway.dispatch()
            for id in sinks:
                await until(gateway, id, waiting=0)
    assert all(sink.ids()[-1] == "last" for sink in sinks.values())


async def test_a_paused_subscription_posts_nothing_and_loses_nothing(gateway: GatewayRoutes) -> None:
    async with listening() as sink, listening() as other, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink)
        await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/pause")
        await subscribe_by_webhook(gateway, other)
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await other.until(lambda s: s.took)
        assert (await status(gateway, id))["state"] == "paused"
        assert sink.posted == []
        await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/resume")
        await until(gateway, id, state="active", waiting=0)
        canary = (await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/canary")).json()
        assert (canary["delivered"], canary["reason"]) == (True, "delivered")
        assert sink.took[-1].read().get_type() == "org.pathline.canary.v1"
        sink.answer = lambda _: Reply(500, {}, b"a secret of the sink's")
        canary = await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/canary")
        assert (canary.json()["delivered"], canary.json()["reason"]) == (False, "500")
        assert "secret" not in canary.text


async def test_another_organisation_learns_nothing_of_a_sink(gateway: GatewayRoutes) -> None:
    async with listening() as sink:
        id, _ = await subscribe_by_webhook(gateway, sink, by=subscriber("housing"), org="housing")
    for method, path in (
        ("POST", "secret"),
        ("GET", "status"),
        ("GET", "failures"),
        ("POST", "canary"),
    ):
        assert (await gateway.request(subscriber("bank"), method, f"/v1/subscriptions/{id}/{path}")).status_code == 404
    assert (
        await gateway.request(subscriber("bank"), "POST", f"/v1/subscriptions/{id}/redrive", json={})
    ).status_code == 404
