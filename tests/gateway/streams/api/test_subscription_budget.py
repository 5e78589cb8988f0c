"""What the subscriptions of one organisation may ask for, and what they may make the gateway do; others are served."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from pathline_gateway.streams.api import subscription_endpoints
from pathline_gateway.streams.api.dry_run import dry_run
from support.gateways.routes import GatewayRoutes, subscriber
from support.gateways.webhook_workers import run_webhook_workers, status, subscribe_by_webhook
from support.intake.history import step
from support.servers.webhook_receiver import Reply, listening

NUMBERS = {"subscriptions": 3, "filter_bytes": 2_000, "conditions": 5, "condition_length": 40, "purposes": 2,
           "topics": 1, "dry_runs": 1, "dry_runs_at_once": 2, "replays": 1, "canaries": 4}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test goes past in no time."""
    for name, number in NUMBERS.items():
        monkeypatch.setenv(f"PATHLINE_LIMIT_{name.upper()}", str(number))


async def on_a_topic(gateway: GatewayRoutes, org: str) -> httpx.Response:
    body = {"protocol": "KAFKA", "config": {"organisation": org, "purpose": "care"}}
    return await gateway.request(subscriber(org), "POST", "/v1/subscriptions", json=body)


async def pull(gateway: GatewayRoutes, org: str, *filters: Any, purpose: str = "care") -> httpx.Response:
    config = {"organisation": org, "purpose": purpose}
    return await gateway.request(subscriber(org), "POST", "/v1/subscriptions",
                         json={"protocol": "PULL", "config": config, "filters": list(filters)})  # fmt: skip


def refused(answer: httpx.Response, status_code: int, reason: str, limit: str | None = None) -> None:
    assert (answer.status_code, answer.json()["type"]) == (status_code, f"urn:pathline:problem:{reason}"), answer.text
    if limit is not None:
        assert (answer.json()["limit"], answer.json()["allowed"]) == (limit, NUMBERS[limit.replace("-", "_")])
        assert ("retry-after" in answer.headers) == (status_code in (429, 503))
        assert limit in answer.headers["ratelimit-policy"]


@pytest.mark.limit("subscriptions")
async def test_one_organisation_subscribes_so_often_and_another_all_the_same(gateway: GatewayRoutes) -> None:
    for _ in range(3):
        assert (await pull(gateway, "clinic")).status_code == 201
    refused(await pull(gateway, "clinic"), 429, "too-many-subscriptions", "subscriptions")
    made = (await pull(gateway, "housing")).json()["id"]
    assert (await gateway.request(subscriber("housing"), "DELETE", f"/v1/subscriptions/{made}")).status_code == 204


@pytest.mark.limit("topics")
async def test_one_organisation_has_so_many_topics_and_other_subscriptions_and_others_theirs(
    gateway: GatewayRoutes,
) -> None:
    assert (await on_a_topic(gateway, "clinic")).status_code == 201
    refused(await on_a_topic(gateway, "clinic"), 429, "too-many-topics", "topics")
    assert (await pull(gateway, "clinic")).status_code == 201
    made = (await on_a_topic(gateway, "housing")).json()["id"]
    body = {"protocol": "KAFKA", "config": {"organisation": "housing", "purpose": "care"}}
    path = f"/v1/subscriptions/{made}"
    assert (await gateway.request(subscriber("housing"), "PUT", path, json=body)).status_code == 200


async def test_of_many_that_subscribe_at_once_no_more_are_let_in_than_there_is_room_for(gateway: GatewayRoutes) -> None:
    codes = [answer.status_code for answer in await asyncio.gather(*(pull(gateway, "clinic") for _ in range(9)))]
    assert sorted(codes) == [201] * 3 + [429] * 6


@pytest.mark.limit("filter-bytes")
async def test_filters_of_one_organisation_take_so_much_memory_and_no_more(gateway: GatewayRoutes) -> None:
    long = {"any": [{"exact": {"activity": f"{n}".rjust(40, "x")}} for n in range(5)]}
    many = [{"all": [long]}] * 1
    for _ in range(3):
        answer = await pull(gateway, "clinic", *many)
    assert answer.status_code == 201
    id = answer.json()["id"]
    body = {"protocol": "PULL", "config": {"organisation": "clinic", "purpose": "care"}, "filters": many * 1}
    assert (await gateway.request(subscriber("clinic"), "PUT", f"/v1/subscriptions/{id}", json=body)).status_code == 200
    await gateway.execute("update subscription set filters = $1 where id <> $2", _json(many * 3), id)
    refused(
        await gateway.request(subscriber("clinic"), "PUT", f"/v1/subscriptions/{id}", json=body),
        413,
        "too-many-filters",
        "filter-bytes",
    )
    assert (await pull(gateway, "housing", *many)).status_code == 201


@pytest.mark.limit("conditions", "condition-length")
async def test_a_filter_has_so_many_conditions_and_values_of_such_a_length(gateway: GatewayRoutes) -> None:
    refused(await pull(gateway, "clinic", {"any": [{"exact": {"service": "a"}}] * 6}), 422, "malformed-filter")
    refused(await pull(gateway, "clinic", {"exact": {"service": "a" * 41}}), 422, "malformed-filter")
    assert (await pull(gateway, "clinic", {"any": [{"exact": {"service": "a" * 40}}] * 5})).status_code == 201


@pytest.mark.limit("purposes")
async def test_one_organisation_subscribes_for_so_many_purposes(gateway: GatewayRoutes) -> None:
    assert [(await pull(gateway, "clinic", purpose=each)).status_code for each in ("care", "audit", "care")] == [
        201
    ] * 3
    await gateway.execute(
        "delete from subscription where id = (select min(id::text)::uuid from subscription where purpose = 'care')"
    )
    refused(await pull(gateway, "clinic", purpose="research"), 429, "too-many-purposes", "purposes")
    assert (await pull(gateway, "clinic", purpose="audit")).status_code == 201


@pytest.mark.limit("dry-runs", "dry-runs-at-once")
async def test_one_organisation_tries_so_many_at_once_and_all_together_so_many(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, go_on, going_on = dry_run, asyncio.Event(), 0

    async def held(*asked: Any) -> Any:
        nonlocal going_on
        going_on += 1
        await go_on.wait()
        return await run(*asked)

    monkeypatch.setattr(subscription_endpoints, "dry_run", held)

    async def tried(org: str) -> httpx.Response:
        config = {"organisation": org, "purpose": "care"}
        return await gateway.http.post("/v1/subscriptions/dry-run", json={"protocol": "PULL", "config": config})

    gateway.caller = subscriber("clinic")
    hers = [asyncio.create_task(tried("clinic"))]
    async with asyncio.timeout(60):
        while going_on < 1:
            await asyncio.sleep(0.01)
        refused(await tried("clinic"), 429, "too-many-dry-runs", "dry-runs")
        gateway.caller = subscriber("housing")
        hers.append(asyncio.create_task(tried("housing")))
        while going_on < 2:
            await asyncio.sleep(0.01)
        gateway.caller = subscriber("school")
        refused(await tried("school"), 503, "too-many-dry-runs", "dry-runs-at-once")
        go_on.set()
        assert [answer.status_code for answer in await asyncio.gather(*hers)] == [200] * 2
        gateway.caller = subscriber("school")
        assert (await tried("school")).status_code == 200


@pytest.mark.limit("replays")
async def test_one_organisation_replays_so_much_at_once(gateway: GatewayRoutes) -> None:
    ids = [(await pull(gateway, org)).json()["id"] for org in ("clinic", "clinic", "housing")]
    await gateway.publish(step("clinic", "c1", 1))
    await gateway.dispatch(everything=False)
    since = {"from": "2020-01-01T00:00:00Z"}

    async def replayed(org: str, id: str) -> httpx.Response:
        return await gateway.request(subscriber(org), "POST", f"/v1/subscriptions/{id}/replay", json=since)

    assert (await replayed("clinic", ids[0])).status_code == 201
    refused(await replayed("clinic", ids[1]), 429, "too-many-replays", "replays")
    assert (await replayed("housing", ids[2])).status_code == 201
    await gateway.dispatch(everything=False)
    assert (await replayed("clinic", ids[1])).status_code == 201


@pytest.mark.limit("canaries")
async def test_three_hundred_canaries_to_a_sink_that_allows_one_a_minute_are_one(gateway: GatewayRoutes) -> None:
    async with listening() as strict, listening() as other:
        strict.handshake = Reply(200, {"webhook-allowed-origin": "*", "webhook-allowed-rate": "1"})
        id, _ = await subscribe_by_webhook(gateway, strict, org="clinic")
        plain, _ = await subscribe_by_webhook(gateway, other, org="housing")
        began = time.monotonic()
        answers = [await canary(gateway, "clinic", id) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 429, 429]
        refused(answers[1], 429, "sink-rate")
        assert 50 <= int(answers[1].headers["retry-after"]) <= 60
        many = [await canary(gateway, "clinic", id) for _ in range(297)]
        reasons = {answer.json().get("type", "").rpartition(":")[2] for answer in many}
        assert "too-many-canaries" in reasons
        assert len(strict.posted) <= 1 + (time.monotonic() - began) // 60
        assert (await canary(gateway, "housing", plain)).json()["delivered"] is True


async def test_two_subscriptions_to_one_sink_share_the_rate_that_it_allows(gateway: GatewayRoutes) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        sink.handshake = Reply(200, {"webhook-allowed-origin": "*", "webhook-allowed-rate": "1"})
        ids = [(await subscribe_by_webhook(gateway, sink))[0] for _ in range(2)]
        await gateway.publish(step("clinic", "c1", 1))
        await gateway.dispatch()
        await sink.until(lambda sink: sink.took)
        async with asyncio.timeout(20):
            while [(await status(gateway, id))["waiting"] for id in ids].count(0) < 1:
                await asyncio.sleep(0.01)
        refused(
            await gateway.request(subscriber("reader"), "POST", f"/v1/subscriptions/{ids[0]}/canary"), 429, "sink-rate"
        )
        held = await gateway.pool.fetchval(
            "select count(*) from webhook_sink where not_before > now() + interval '30 s'"
        )
        async with asyncio.timeout(20):
            while not held:
                held = await gateway.pool.fetchval(
                    "select count(*) from webhook_sink where not_before > now() + interval '30 s'")  # fmt: skip
                await asyncio.sleep(0.01)
        assert len(sink.posted) == 1


async def canary(gateway: GatewayRoutes, org: str, id: str) -> httpx.Response:
    return await gateway.request(subscriber(org), "POST", f"/v1/subscriptions/{id}/canary")


def _json(filters: list[Any]) -> str:
    return httpx.Request("POST", "http://x", json=filters).content.decode()
