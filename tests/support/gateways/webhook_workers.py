"""A deliverer at work on the database of a rig, with waits that a test has time for."""

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
from pathline_gateway.background.loop import supervised
from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.webhooks.delivery_policy import DeliveryPolicy
from pathline_gateway.streams.webhooks.http_client.client import WebhookHttpClient
from pathline_gateway.streams.webhooks.worker_context import WorkerContext
from pathline_gateway.streams.webhooks.worker_pool import WebhookWorkerPool
from support.gateways.routes import SECRET, Rig
from support.servers.webhook_receiver import Sink

QUICK = DeliveryPolicy(base_s=0.02, cap_s=0.05, sink_cap_s=0.05, client_error_age=timedelta())


@dataclass
class Clock:
    """The time that waits are measured by, which a test may move."""

    ahead: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@contextlib.asynccontextmanager
async def posting(
    rig: Rig,
    policy: DeliveryPolicy = QUICK,
    clock: Clock | None = None,
    *,
    private: bool = True,
    limits: Limits | None = None,
    **poster: Any,
) -> AsyncIterator[WebhookWorkerPool]:
    """It posts as long as the block lasts."""
    sinks = replace(
        rig.sinks,
        http_client=WebhookHttpClient(policy, **poster),
        policy=policy,
        now=(clock or Clock()).now,
        allow_private=private,
    )
    async with asyncpg.create_pool(rig.database, min_size=1, max_size=4) as pool:
        common = WorkerContext(pool, SECRET, lambda: rig.now, sinks, auth_disabled=True, rng=Random(7))
        deliverer = WebhookWorkerPool(replace(common, limits=limits or Limits()))
        rig.takers.append((deliverer, deliverer.wake))
        try:
            async with supervised(deliverer.loop, Health()):
                yield deliverer
        finally:
            rig.takers.remove((deliverer, deliverer.wake))
            await sinks.http_client.aclose()


def wanting(sink: Sink, *filters: Any, org: str = "reader") -> dict[str, Any]:
    config = {"organisation": org, "purpose": "care"}
    return {"protocol": "HTTP", "sink": sink.url, "config": config, "filters": list(filters)}


async def subscribed(
    rig: Rig, sink: Sink, *filters: Any, by: Caller = AUTH_DISABLED_CALLER, org: str = "reader"
) -> tuple[str, str]:
    """A subscription whose events are posted to this sink, and its secret."""
    answer = await rig.ask(by, "POST", "/v1/subscriptions", json=wanting(sink, *filters, org=org))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["secret"]


async def status(rig: Rig, id: str, by: Caller = AUTH_DISABLED_CALLER) -> dict[str, Any]:
    answer = await rig.ask(by, "GET", f"/v1/subscriptions/{id}/status")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def until(rig: Rig, id: str, seconds: float = 20, **stands: Any) -> dict[str, Any]:
    """The status, once it says this."""
    async with asyncio.timeout(seconds):
        while True:
            said = await status(rig, id)
            if {name: said[name] for name in stands} == stands:
                return said
            await asyncio.sleep(0.02)
