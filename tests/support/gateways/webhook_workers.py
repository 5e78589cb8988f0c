"""A deliverer at work on the database of a gateway, with waits that a test has time for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER, Caller
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_pool import WebhookWorkerPool
from support.gateways.routes import SECRET, GatewayRoutes
from support.servers.webhook_receiver import Sink

QUICK = DeliveryPolicy(base_s=0.02, cap_s=0.05, sink_cap_s=0.05, client_error_age=timedelta())


@dataclass
class Clock:
    """The time that waits are measured by, which a test may move."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextlib.asynccontextmanager
async def run_webhook_workers(
    gateway: GatewayRoutes,
    policy: DeliveryPolicy = QUICK,
    clock: Clock | None = None,
    *,
    private: bool = True,
    limits: Limits | None = None,
    **poster: Any,
) -> AsyncIterator[WebhookWorkerPool]:
    """It posts as long as the block lasts."""
    sinks = replace(
        gateway.webhook_sender,
        http_client=WebhookHttpClient(policy, **poster),
        policy=policy,
        now=(clock or Clock()).now,
        allow_private=private,
    )
    async with asyncpg.create_pool(gateway.database, min_size=1, max_size=4) as pool:
        common = WorkerContext(pool, SECRET, lambda: gateway.now, sinks, auth_disabled=True, rng=Random(7))
        deliverer = WebhookWorkerPool(replace(common, limits=limits or Limits()))
        gateway.push_targets.append((deliverer, deliverer.wake))
        try:
            async with supervised(deliverer.loop, Health()):
                yield deliverer
        finally:
            gateway.push_targets.remove((deliverer, deliverer.wake))
            await sinks.http_client.aclose()


def webhook_subscription(sink: Sink, *filters: Any, org: str = "reader") -> dict[str, Any]:
    config = {"organisation": org, "purpose": "care"}
    return {"protocol": "HTTP", "sink": sink.url, "config": config, "filters": list(filters)}


async def subscribe_by_webhook(
    gateway: GatewayRoutes, sink: Sink, *filters: Any, by: Caller = AUTH_DISABLED_CALLER, org: str = "reader"
) -> tuple[str, str]:
    """A subscription whose events are posted to this sink, and its secret."""
    answer = await gateway.request(by, "POST", "/v1/subscriptions", json=webhook_subscription(sink, *filters, org=org))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["secret"]


async def status(gateway: GatewayRoutes, id: str, by: Caller = AUTH_DISABLED_CALLER) -> dict[str, Any]:
    answer = await gateway.request(by, "GET", f"/v1/subscriptions/{id}/status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def until(gateway: GatewayRoutes, id: str, seconds: float = 20, **stands: Any) -> dict[str, Any]:
    """The status, once it says this."""
    async with asyncio.timeout(seconds):
        while True:
            found = await status(gateway, id)
            if {name: found[name] for name in stands} == stands:
                return found
            await asyncio.sleep(0.02)
