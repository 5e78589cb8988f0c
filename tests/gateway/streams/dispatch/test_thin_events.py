"""How much of an event a subscription is sent: all, names with a reference, or only that there is one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathline.vocabulary.notices import EventAvailable
from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.streams.dispatch.thin_events import as_subscribed
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.subscriptions.repository import Subscription
from support.gateways.routes import SECRET, GatewayRoutes, subscriber
from support.gateways.webhook_workers import run_webhook_workers, webhook_subscription
from support.intake.history import linked, ref, step
from support.intake.life import consent_given, make_event
from support.servers.webhook_receiver import listening

NAMES = {"specversion", "id", "source", "type", "number", "pathway"}


def subscription(payload: str, series: int = 1) -> Subscription:
    root = None if series == 1 else UUID(int=7)
    id, now = UUID(int=7 if series == 1 else 8), datetime.now(UTC)
    return Subscription(
        id, "reader", False, "PULL", "care", None, [], False, now, 0, 9, replay_of=root, series=series, payload=payload
    )


@given(st.integers(1, 10**12), st.integers(1, 999), st.dictionaries(st.text(min_size=1), st.text()))
def test_what_is_thin_says_nothing_but_names_and_what_is_none_says_nothing_of_the_event(
    number: int, series: int, more: dict[str, str]
) -> None:
    names = {"specversion": "1.0", "id": "e1", "source": "urn:s", "type": "t", "number": number, "pathway": "p"}
    event = {**more, **names, "data": {"secret": 1}}
    assert as_subscribed(subscription("full", series), event) is event
    thin = as_subscribed(subscription("thin", series), event)
    assert {name: thin[name] for name in names} == names
    assert thin.keys() - names.keys() <= {"dataref", "series"}
    bare = as_subscribed(subscription("none", series), event)
    told = EventAvailable.model_validate_json(orjson.dumps(bare))
    assert (told.number, told.series) == (number, None if series == 1 else series)
    assert thin["dataref"] == told.dataref == bare["dataref"]
    assert not {"e1", "urn:s", "t", "p"} & set(map(str, bare.values()))


@pytest.mark.parametrize("payload", ["full", "thin", "none"])
def test_a_marker_stays_a_marker(payload: str) -> None:
    marker = {"number": 3, "withheld": True}
    assert as_subscribed(subscription(payload), marker) is marker


async def made(gateway: GatewayRoutes, payload: str, protocol: str = "SSE", org: str = "housing") -> str:
    config = {"organisation": org, "purpose": "care", "payload": payload}
    answer = await gateway.request(
        subscriber(org), "POST", "/v1/subscriptions", json={"protocol": protocol, "config": config}
    )
    assert (answer.status_code, answer.json()["config"]["payload"]) == (201, payload)
    return str(answer.json()["id"])


async def pulled(gateway: GatewayRoutes, id: str, cursor: str = "n0") -> list[dict[str, Any]]:
    answer = await gateway.request(subscriber("housing"), "GET", f"/v1/subscriptions/{id}/events?after={cursor}")
    return list(answer.json()["events"])


async def accesses(gateway: GatewayRoutes) -> int:
    return int(await gateway.pool.fetchval("select count(*) from access where action = 'stream'"))


async def test_the_reference_leads_to_the_event_as_it_may_be_seen_and_that_is_logged(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    ids = {payload: await made(gateway, payload) for payload in ("full", "thin", "none")}
    await gateway.publish(consent_given())
    await gateway.publish(make_event("clinic", "c2", "contact.made", 1, 8, kind="chase", episode="episode-5"))
    await gateway.dispatch(everything=False)
    (whole,) = await pulled(gateway, ids["full"])
    (thin,) = await pulled(gateway, ids["thin"])
    before = await accesses(gateway)
    (bare,) = await pulled(gateway, ids["none"])
    assert await accesses(gateway) == before
    names = {name: whole[name] for name in NAMES}
    trace = {"traceparent": thin["traceparent"]}
    assert thin == {**names, **trace, "dataref": f"/v1/subscriptions/{ids['thin']}/events/1"}
    for event in (thin, bare):
        answer = await gateway.request(subscriber("housing"), "GET", event["dataref"])
        assert answer.json() == {**whole, "traceparent": event["traceparent"]}
    assert await accesses(gateway) == before + 2
    for by, path, status in (
        (subscriber("clinic"), thin["dataref"], 404),
        (subscriber("housing"), f"/v1/subscriptions/{ids['thin']}/events/2", 404),
        (subscriber("housing"), f"/v1/subscriptions/{ids['thin']}/events/1?series=2", 404),
    ):
        assert (await gateway.request(by, "GET", path)).status_code == status


async def test_a_stream_a_sink_and_a_replay_send_no_more_than_was_asked_for(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        wanted = webhook_subscription(sink)
        wanted["config"]["payload"] = "thin"
        answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
        posted, heard = answer.json()["id"], await made(gateway, "none", org="clinic")
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until_took(1)
        (event,) = [each.event for each in sink.posted]
        assert event.keys() == {*NAMES, "dataref", "traceparent"}
        start = await gateway.request(
            AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{posted}/replay", json={"from": "n0"}
        )
        assert start.status_code == 201
        await gateway.dispatch()
        await sink.until_took(2)
        again = sink.posted[1].event
        assert again["dataref"] == f"/v1/subscriptions/{posted}/events/1?series=2"
        assert (await gateway.request(AUTH_DISABLED_CALLER, "GET", again["dataref"])).json()["data"]
    stream = SseStreams(gateway.pool, SECRET, lambda: gateway.now, gateway.listeners)
    frames = stream.listen(UUID(heard), 0, auth_disabled=False)
    frame = b""
    while b"data:" not in frame:
        frame = await anext(frames)
    assert EventAvailable.model_validate_json(frame.partition(b"data: ")[2]).number == 1
    await frames.aclose()  # type: ignore[attr-defined]


async def test_a_subscription_may_ask_for_more_or_less_later(gateway: GatewayRoutes) -> None:
    id = await made(gateway, "none", "PULL", "clinic")
    await gateway.publish(step("clinic", "c1", 1))
    await gateway.dispatch(everything=False)
    wanted = {"protocol": "PULL", "config": {"organisation": "clinic", "purpose": "care"}}
    answer = await gateway.request(subscriber("clinic"), "PUT", f"/v1/subscriptions/{id}", json=wanted)
    assert answer.json()["config"]["payload"] == "full"
    page = await gateway.request(subscriber("clinic"), "GET", f"/v1/subscriptions/{id}/events")
    assert page.json()["events"][0]["id"] == "c1"
