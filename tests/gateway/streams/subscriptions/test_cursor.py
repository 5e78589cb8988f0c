"""A position that nobody has reached yet is an error that says so: its reader would lose what comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from support.gateways.routes import GatewayRoutes
from support.gateways.subscriptions import CLINIC, pull_events, subscribe_by_pull
from support.intake.history import step, subject


async def test_a_cursor_past_the_end_is_refused_and_names_the_end(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", CLINIC)
    await gateway.publish(step("clinic", "c1", 1), step("clinic", "c2", 1), step("clinic", "c3", 1))
    page = await pull_events(gateway, AUTH_DISABLED_CALLER, id)
    assert page["next"] == "n3"
    assert (await pull_events(gateway, AUTH_DISABLED_CALLER, id, after="n3"))["events"] == []
    for path, more in (
        ("events", {"params": {"after": "n4"}}), ("events", {"params": {"after": "n999"}}),
        ("stream", {"params": {"after": "n4"}}), ("stream", {"headers": {"last-event-id": "n999"}}),
    ):  # fmt: skip
        answer = await gateway.request(AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/{path}", **more)
        problem = answer.json()
        assert (answer.status_code, problem["type"], problem["last"]) == (
            409, "urn:pathline:problem:cursor-beyond-end", "n3",
        )  # fmt: skip


async def test_a_filter_for_a_type_that_does_not_exist_is_refused(gateway: GatewayRoutes) -> None:
    wanted = {"protocol": "PULL", "config": {"organisation": "reader", "purpose": "care"},
              "filters": [{"exact": {"type": "org.pathline.contact.mad.v1"}}]}  # fmt: skip
    for path in ("/v1/subscriptions", "/v1/subscriptions/dry-run"):
        answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", path, json=wanted)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:pathline:problem:malformed-filter")
        assert "did you mean org.pathline.contact.made.v1?" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("protocol", "sink", "advice"), [("HTTP", None, "needs the URL"), ("PULL", "https://x.example", "leave it out")]
)
async def test_a_sink_that_is_missing_or_too_much_is_told_apart(
    gateway: GatewayRoutes, protocol: str, sink: str | None, advice: str
) -> None:
    wanted = {"protocol": protocol, "sink": sink, "config": {"organisation": "reader", "purpose": "care"}}
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
    assert (answer.status_code, advice in answer.json()["detail"]) == (422, True)


async def test_nobody_is_told_how_a_pathway_will_stand(gateway: GatewayRoutes) -> None:
    await gateway.publish(step("clinic", "c1", 1))
    pathway = await gateway.find(AUTH_DISABLED_CALLER, "clinic", subject(1))
    for at, status in ((datetime.now(UTC), 200), (datetime.now(UTC) + timedelta(hours=1), 422)):
        answer = await gateway.request(
            AUTH_DISABLED_CALLER, "GET", f"/v1/pathways/{pathway}", params={"as_of": at.isoformat()}
        )
        assert answer.status_code == status, answer.text
    assert "lies ahead" in answer.json()["detail"]
