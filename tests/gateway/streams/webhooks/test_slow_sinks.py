"""The sinks of one organisation answer late or never: the others' are posted to as if these were not there."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from pathline_gateway.limits.table import Limits
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.webhooks import sink_repository
from support.examples import LONG
from support.gateways.routes import GatewayRoutes
from support.gateways.webhook_workers import QUICK, run_webhook_workers, subscribe_by_webhook
from support.intake.history import step
from support.servers.webhook_receiver import Posted, Reply, Sink, listening

SLOW = int(os.environ.get("PATHLINE_TEST_SLOW_SINKS", 300 if LONG else 120))


async def many(gateway: GatewayRoutes, org: str, sink: Sink, n: int, *filters: Any) -> None:
    """So many subscriptions of one organisation, each with a sink of its own."""
    async with gateway.pool.acquire() as connection, connection.transaction():
        for number in range(n):
            id = await subscription_repository.create(connection, org, True, "HTTP", "care", None, filters)
            await sink_repository.create(connection, id, f"{sink.url}/{number}", None, "whsec_AAAA")


@pytest.mark.scaled
@pytest.mark.limit("sinks-at-once")
async def test_slow_sinks_of_one_organisation_hold_up_no_other_and_take_turns(gateway: GatewayRoutes) -> None:
    answered = asyncio.Event()

    async def late(_: Posted) -> Reply:
        await answered.wait()
        return Reply()

    limits = Limits(sinks_at_once=100)
    async with (
        listening() as slow,
        listening() as quick,
        run_webhook_workers(gateway, replace(QUICK, request_s=120, lease_s=300), limits=limits),
    ):
        slow.answer = late
        await many(gateway, "slow", slow, SLOW, {"exact": {"org": "clinic"}})
        for n in range(10):
            await gateway.publish(step("clinic", f"c{n}", n))
        await gateway.dispatch()
        await slow.until(lambda sink: sink.at_once >= 100)
        await subscribe_by_webhook(gateway, quick, {"exact": {"org": "housing"}}, org="quick")
        for n in range(20):
            await gateway.publish(step("housing", f"h{n}", n % 4))
            await gateway.dispatch()
            await quick.until_took(n + 1)
        assert slow.took == [], "all that it was sent is on its way still"
        assert len({each.headers["webhook-id"][:36] for each in slow.posted}) == 100
        answered.set()
        # Those that had no turn have one: nothing is forgotten.
        await slow.until(lambda sink: len(sink.took) >= SLOW * 10, seconds=120)
    had = Counter(each.headers["webhook-id"][:36] for each in slow.took)
    assert len(had) == SLOW
