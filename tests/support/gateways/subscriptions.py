"""Subscriptions that are pulled, as their organisation makes and reads them."""

from __future__ import annotations

from typing import Any

from pathline_gateway.auth.caller import Caller
from support.gateways.routes import GatewayRoutes
from support.intake.history import source

CLINIC = {"exact": {"source": source("clinic")}}


async def subscribe_by_pull(gateway: GatewayRoutes, by: Caller, org: str, *filters: Any, purpose: str = "care") -> str:
    wanted = {"protocol": "PULL", "config": {"organisation": org, "purpose": purpose}, "filters": list(filters)}
    answer = await gateway.request(by, "POST", "/v1/subscriptions", json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def pull_events(
    gateway: GatewayRoutes, by: Caller, id: str, after: str = "n0", limit: int = 100
) -> dict[str, Any]:
    await gateway.dispatch()
    answer = await gateway.request(by, "GET", f"/v1/subscriptions/{id}/events", params={"after": after, "limit": limit})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def event_ids(page: dict[str, Any]) -> list[str | None]:
    return [event.get("id") for event in page["events"]]
