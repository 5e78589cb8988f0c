"""A dry run and an explanation answer for a subscription with a topic as for any other, and make no topic."""

from __future__ import annotations

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import GatewayRoutes
from support.gateways.subscriptions import CLINIC
from support.gateways.topic_workers import subscribe_by_topic
from support.gateways.webhook_workers import status
from support.intake.history import source, step


async def test_a_dry_run_and_an_explanation_answer_as_for_the_others(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "c0", 1))
    config = {"organisation": "reader", "purpose": "care", "retention_hours": 5}
    wanted = {"protocol": "KAFKA", "config": config, "filters": [CLINIC]}
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions/dry-run", json=wanted)
    assert (answer.status_code, answer.json()["given"]) == (200, 1)
    assert await gateway.pool.fetchval("select count(*) from kafka_topic") == 0
    made = await subscribe_by_topic(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(step("clinic", "c1", 1))
    await gateway.dispatch()
    asked = {"source": source("clinic"), "event": "c1"}
    path = f"/v1/subscriptions/{made['id']}"
    explained = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"{path}/explain", params=asked)
    assert (explained.json()["because"], explained.json()["number"]) == ("given", 1)
    assert (await status(gateway, made["id"]))["state"] == "preparing"
    pulled = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"{path}/events")
    assert [event["id"] for event in pulled.json()["events"]] == ["c1"]


async def test_fields_of_a_topic_are_refused_of_any_other_protocol(gateway: GatewayRoutes) -> None:
    for field in ({"principal": "reader"}, {"partitions": 2}, {"retention_hours": 4}):
        wanted = {"protocol": "PULL", "config": {"organisation": "reader", "purpose": "care", **field}}
        answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:pathline:problem:malformed-topic")
