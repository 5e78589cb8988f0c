"""A subscription is given what its filters want and its organisation may see: each event once, in commit order."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from support.gateways.routes import OPERATOR, GatewayRoutes, citizen, subscriber
from support.gateways.subscriptions import CLINIC, event_ids, pull_events, subscribe_by_pull
from support.intake.history import linked, ref, source, step, subject
from support.intake.life import consent_given, make_event


async def test_what_is_wanted_comes_once_numbered_and_nothing_from_before(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "before", 1))
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(step("clinic", "c1", 1), step("housing", "h1", 2))
    await gateway.publish(
        step("clinic", "c2", 3, traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    )
    first = await pull_events(gateway, AUTH_DISABLED_CALLER, id, limit=1)
    rest = await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=first["next"])
    assert event_ids(first) + event_ids(rest) == ["c1", "c2"]
    assert [event["number"] for event in first["events"] + rest["events"]] == [1, 2]
    assert (rest["count"], (await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=rest["next"]))["events"]) == (
        2,
        [],
    )
    (event,) = first["events"]
    assert event["specversion"] == "1.0"
    assert (event["source"], event["subject"]) == (source("clinic"), subject(1))
    assert event["data"]["activity"] == "Opened"
    assert event["pathway"] == await gateway.find(AUTH_DISABLED_CALLER, "clinic", subject(1))
    await gateway.publish(step("clinic", "c1", 1))
    assert (await pull_events(gateway, AUTH_DISABLED_CALLER, id))["count"] == 2


async def test_a_changed_filter_holds_for_the_next_event_and_a_pause_loses_nothing(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(step("clinic", "c1", 1), step("housing", "h1", 2))
    await gateway.dispatch()
    other = {"protocol": "PULL", "config": {"organisation": "reader", "purpose": "care"},
             "filters": [{"exact": {"org": "housing"}}]}  # fmt: skip
    assert (
        await gateway.request(AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json=other)
    ).status_code == 200
    assert (await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/pause")).json()[
        "paused"
    ] is True
    await gateway.publish(step("clinic", "c2", 1), step("housing", "h2", 2))
    await gateway.dispatch()
    refused = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/events")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:pathline:problem:paused")
    await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/resume")
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == ["c1", "h2"]
    assert (await gateway.request(AUTH_DISABLED_CALLER, "DELETE", f"/v1/subscriptions/{id}")).status_code == 204
    assert (await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/events")).status_code == 404
    assert await gateway.pool.fetchval("select count(*) from delivery") == 0


async def test_an_organisation_is_given_its_own_and_of_others_what_a_consent_shows_it(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    id = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    meeting = make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry", episode="episode-5")
    await gateway.publish(meeting, step("housing", "h1", 2, 7))
    assert event_ids(await pull_events(gateway, subscriber("housing"), id)) == ["h1"]
    await gateway.publish(consent_given())
    await gateway.publish(make_event("clinic", "c2", "contact.made", 1, 8, kind="chase", episode="episode-5"))
    page = await pull_events(gateway, subscriber("housing"), id)
    own, foreign = page["events"]
    assert (own["id"], own["subject"]) == ("h1", subject(2))
    assert foreign["id"] != "c2"
    assert foreign.keys().isdisjoint({"subject", "sequence"})
    assert foreign["data"]["episode"] != "episode-5"
    assert own["pathway"] == foreign["pathway"] == await gateway.find(subscriber("housing"), "housing", subject(2))
    logged = await gateway.pool.fetchrow("select org, purpose, action, outcome from access where action = 'stream'")
    assert tuple(logged) == ("housing", "care", "stream", "shown")
    await gateway.publish(make_event("citizen", "k2", "consent.withdrawn", 9, 9, consent="c1"))
    again = (await pull_events(gateway, subscriber("housing"), id))["events"]
    assert again == [own, {"number": 2, "withheld": True}]


async def test_what_is_concealed_is_given_to_nobody_else(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    id = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry", safety="conceal"))
    assert await pull_events(gateway, subscriber("housing"), id) == {"events": [], "next": "n0", "count": 0}


async def test_nobody_is_given_an_event_for_a_subject_that_is_another_organisations(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    by_subject = await subscribe_by_pull(gateway, subscriber("housing"), "housing", {"exact": {"subject": subject(1)}})
    plain = await subscribe_by_pull(gateway, subscriber("housing"), "housing", {"exact": {"org": "clinic"}})
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"))
    assert (await pull_events(gateway, subscriber("housing"), by_subject))["count"] == 0
    assert (await pull_events(gateway, subscriber("housing"), plain))["count"] == 1


async def test_a_subscription_is_its_own_organisations_alone(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    path = f"/v1/subscriptions/{id}"
    for method, below in (("GET", ""), ("GET", "/events"), ("POST", "/pause"), ("DELETE", "")):
        assert (await gateway.request(subscriber("bank"), method, path + below)).status_code == 404
    assert (await gateway.request(subscriber("bank"), "GET", "/v1/subscriptions")).json()["subscriptions"] == []
    assert (await gateway.request(OPERATOR, "GET", path)).status_code == 200
    assert (await gateway.request(OPERATOR, "GET", f"{path}/events")).status_code == 403
    wanted = {"protocol": "PULL", "config": {"organisation": "housing", "purpose": "care"}}
    assert (await gateway.request(subscriber("bank"), "POST", "/v1/subscriptions", json=wanted)).status_code == 403
    assert (await gateway.request(citizen("ann"), "GET", path)).status_code == 403


@pytest.mark.parametrize(
    ("change", "status", "says"),
    [
        ({"filters": [{"any": [{"exact": {"typ": "x"}}]}]}, 422, "filters[0].any[0].exact"),
        ({"filters": "everything"}, 422, "filters"),
        ({"config": {"organisation": "reader"}}, 422, "purpose"),
        ({"config": {"organisation": "reader", "purpose": "care", "authority": "because"}}, 422, "instrument"),
        ({"protocol": "PIGEON"}, 422, "protocol"),
        ({"sinks": "x"}, 422, "sinks"),
    ],
)
async def test_what_is_wrong_with_a_subscription_is_said(
    gateway: GatewayRoutes, change: dict[str, Any], status: int, says: str
) -> None:
    wanted = {"protocol": "PULL", "config": {"organisation": "reader", "purpose": "care"}, "filters": []} | change
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    cursor = await gateway.request(
        AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/events", params={"after": "-1"}
    )
    assert (cursor.status_code, cursor.json()["type"]) == (400, "urn:pathline:problem:malformed-cursor")


async def test_two_that_hand_out_at_once_give_nothing_twice_and_leave_no_gap(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    for n in range(30):
        await gateway.publish(step("clinic", f"c{n}", n))

    async def hand_out() -> None:
        dispatcher = Dispatcher(gateway.pool, lambda: gateway.now, auth_disabled=True)
        for _ in range(20):
            try:
                await dispatcher.dispatch_some()
            except asyncpg.SerializationError:
                continue

    await asyncio.gather(hand_out(), hand_out())
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, id)
    assert event_ids(page) == [f"c{n}" for n in range(30)]
    assert [event["number"] for event in page["events"]] == list(range(1, 31))


async def test_subscriptions_are_read_again_when_one_of_them_changed_and_not_before(gateway: GatewayRoutes) -> None:
    """By whichever process it was changed."""
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    dispatcher = Dispatcher(gateway.pool, lambda: gateway.now, auth_disabled=True)

    async def handed_out() -> None:
        while await dispatcher.dispatch_some():
            pass

    async def version() -> int:
        return int(await gateway.pool.fetchval("select version from subscription_version"))

    before = await version()
    await gateway.publish(step("clinic", "c1", 1), step("housing", "h1", 2))
    await handed_out()
    assert await version() == before
    housing = {"protocol": "PULL", "config": {"organisation": "reader", "purpose": "care"},
               "filters": [{"exact": {"org": "housing"}}]}  # fmt: skip
    await gateway.request(AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json=housing)
    await gateway.publish(step("clinic", "c2", 1), step("housing", "h2", 2))
    await handed_out()
    other = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(step("clinic", "c3", 1), step("housing", "h3", 2))
    await handed_out()
    # What nobody says is different is not read: this is no way to change a subscription.
    async with gateway.pool.acquire() as connection, connection.transaction():
        await connection.execute("set local session_replication_role = replica")
        await connection.execute("update subscription set filters = '[]'")
    await gateway.publish(step("clinic", "c4", 1), step("housing", "h4", 2))
    await handed_out()
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == ["c1", "h2", "h3", "h4"]
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, other)) == ["c3", "h3", "c4", "h4"]
    await gateway.request(AUTH_DISABLED_CALLER, "DELETE", f"/v1/subscriptions/{other}")
    await gateway.publish(step("clinic", "c5", 1))
    await handed_out()
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="n4")) == []
    await gateway.request(AUTH_DISABLED_CALLER, "PUT", f"/v1/subscriptions/{id}", json={**housing, "filters": []})
    await gateway.publish(step("clinic", "c6", 1))
    await handed_out()
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="n4")) == ["c6"]


async def test_why_an_event_came_or_did_not_can_be_asked(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "before", 1), step("housing", "h0", 2), step("citizen", "m0", 9))
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    filters = [{"prefix": {"type": "org.pathline."}}, {"exact": {"org": "clinic"}}]
    everything = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", *filters)
    theirs = await subscribe_by_pull(gateway, subscriber("housing"), "housing")
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"), step("housing", "h1", 2))

    async def why(by: Caller, id: str, org: str, event: str) -> tuple[str, int | None, str]:
        asked = {"source": source(org), "event": event}
        answer = await gateway.request(by, "GET", f"/v1/subscriptions/{id}/explain", params=asked)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        return said["because"], said["number"], said["detail"]

    assert (await why(AUTH_DISABLED_CALLER, everything, "clinic", "c1"))[0] == "waiting"
    await gateway.dispatch()
    assert (await why(AUTH_DISABLED_CALLER, everything, "clinic", "c1"))[:2] == ("given", 1)
    assert (await why(AUTH_DISABLED_CALLER, everything, "clinic", "before"))[0] == "before"
    because, _, detail = await why(AUTH_DISABLED_CALLER, everything, "housing", "h1")
    assert (because, detail[-10:]) == ("filtered", "filters[1]")
    unknown = await why(AUTH_DISABLED_CALLER, everything, "clinic", "never")
    assert unknown[0] == "unknown"
    assert await why(subscriber("housing"), theirs, "clinic", "c1") == unknown
    await gateway.publish(consent_given())
    assert (await why(subscriber("housing"), theirs, "clinic", "c1"))[0] == "not-shown"
    await gateway.publish(make_event("clinic", "c2", "contact.made", 1, 7, kind="chase"))
    await gateway.dispatch()
    assert (await why(subscriber("housing"), theirs, "clinic", "c2"))[0] == "given"
    await gateway.publish(make_event("citizen", "k2", "consent.withdrawn", 9, 9, consent="c1"))
    assert (await why(subscriber("housing"), theirs, "clinic", "c2"))[0] == "withheld"
    for by in (subscriber("housing"), OPERATOR):
        assert (await why(by, theirs, "clinic", "never"))[0] == "unknown"


async def test_what_was_subscribed_with_auth_off_is_its_organisations_alone_once_it_is_on(
    gateway: GatewayRoutes,
) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "housing")
    await gateway.publish(step("clinic", "c1", 1), step("housing", "h1", 2))
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id)) == ["c1", "h1"]
    assert (await pull_events(gateway, subscriber("housing"), id))["events"][0] == {"number": 1, "withheld": True}
    await gateway.publish(step("clinic", "c2", 1), step("housing", "h2", 2))
    await gateway.dispatch(everything=False)
    assert event_ids(await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="n2")) == ["h2"]


async def test_no_filter_tells_where_a_hidden_step_took_place(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    place = await subscribe_by_pull(gateway, subscriber("housing"), "housing", {"exact": {"service": "refuge-north"}})
    other = await subscribe_by_pull(
        gateway, subscriber("housing"), "housing", {"not": {"exact": {"service": "refuge-north"}}}
    )
    hidden = make_event(
        "clinic", "c1", "contact.made", 1, 6, kind="enquiry", service="refuge-north", safety="location-hidden"
    )  # fmt: skip
    await gateway.publish(hidden)
    assert (await pull_events(gateway, subscriber("housing"), place))["count"] == 0
    (event,) = (await pull_events(gateway, subscriber("housing"), other))["events"]
    assert "service" not in event["data"]
    asked = {"source": source("clinic"), "event": "c1"}
    why = (
        await gateway.request(subscriber("housing"), "GET", f"/v1/subscriptions/{place}/explain", params=asked)
    ).json()
    assert why["because"] == "filtered"


async def test_a_dry_run_says_what_would_have_been_given_and_leaves_nothing(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"), step("housing", "h1", 2, 7))
    await gateway.publish(make_event("clinic", "c2", "contact.made", 1, 6, kind="enquiry", safety="conceal"))
    await gateway.publish(*(step("bank", f"b{n}", n + 20) for n in range(120)))

    async def tried(by: Caller, org: str, *filters: Any, **more: Any) -> dict[str, Any]:
        wanted = {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}, "filters": list(filters)}
        answer = await gateway.request(by, "POST", "/v1/subscriptions/dry-run", json={**wanted, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    said = await tried(subscriber("housing"), "housing")
    assert (said["given"], said["complete"], said["days"]) == (3, True, 7)
    assert said["by_type"] == {"org.pathline.activity.recorded.v1": 2, "org.pathline.contact.made.v1": 1}
    assert [event["number"] for event in said["events"]] == [1, 2, 3]
    own = [event for event in said["events"] if event.get("subject") == subject(2)]
    assert [event["id"] for event in own] == ["h0", "h1"]
    assert "c1" not in [event["id"] for event in said["events"]]
    assert await gateway.pool.fetchval("select count(*) from access where action = 'stream'") == 1
    everything = await tried(AUTH_DISABLED_CALLER, "reader", {"exact": {"org": "bank"}}, days=30)
    assert (everything["given"], len(everything["events"])) == (120, 100)
    assert await gateway.pool.fetchval("select count(*) from subscription") == 0
    assert (await tried(subscriber("bank"), "bank", {"exact": {"org": "housing"}}))["given"] == 0
    long = {"protocol": "PULL", "config": {"organisation": "bank", "purpose": "care"}, "days": 31}
    assert (
        await gateway.request(subscriber("bank"), "POST", "/v1/subscriptions/dry-run", json=long)
    ).status_code == 422
    assert (
        await gateway.request(subscriber("housing"), "POST", "/v1/subscriptions/dry-run", json=long | {"days": 1})
    ).status_code == 403
    await gateway.pool.execute(
        "update change_log set logged_at = now() - interval '8 days' where seq < (select max(seq) from change_log)"
    )
    assert (await tried(AUTH_DISABLED_CALLER, "reader"))["given"] == 1


async def test_how_far_a_reader_is_can_be_asked(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")

    async def status() -> dict[str, Any]:
        return dict((await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/status")).json())

    await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 1))
    assert (await status())["given"] == 0
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, id)
    said = await status()
    assert (said["state"], said["given"], said["delivered"], said["waiting"]) == ("active", 2, 0, 2)
    assert said["waiting_since"] is not None
    await pull_events(gateway, AUTH_DISABLED_CALLER, id, after=page["next"])
    said = await status()
    assert (said["delivered"], said["waiting"], said["waiting_since"]) == (2, 0, None)
    assert said["last_asked"] is not None
    for method, path in (("POST", "secret"), ("POST", "canary")):
        assert (
            await gateway.request(AUTH_DISABLED_CALLER, method, f"/v1/subscriptions/{id}/{path}")
        ).status_code == 409
