"""What a sink is handed, with what happens to it meanwhile: pathways become one, its line ends, events are given up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pathline_gateway.streams.webhooks import delivery_repository
from pathline_gateway.streams.webhooks.delivery_rows import SinkState
from support.gateways.routes import GatewayRoutes
from support.gateways.webhook_workers import run_webhook_workers, subscribe_by_webhook, until
from support.intake.history import linked, ref, step
from support.servers.webhook_receiver import Posted, Reply, listening

HOUSING: Any = {"exact": {"org": "housing"}}


async def test_what_is_on_a_pathway_since_waits_for_what_was_on_its_way(gateway: GatewayRoutes) -> None:
    may = asyncio.Event()

    async def slow(posted: Posted) -> Reply:
        if posted.event["id"] == "h1":
            await may.wait()
        return Reply()

    async with listening() as sink, run_webhook_workers(gateway):
        await gateway.publish(step("clinic", "c0", 1))
        await subscribe_by_webhook(gateway, sink, HOUSING)
        sink.answer = slow
        for n in range(3):
            await gateway.publish(step("housing", f"w{n}", 10 + n))
            await gateway.dispatch()
            await sink.until_took(n + 1)
        await gateway.publish(step("housing", "h1", 2))
        await gateway.dispatch()
        await sink.until(lambda s: s.at_once)
        await gateway.publish(linked("l1", ref("clinic", 1), ref("housing", 2)), step("housing", "h2", 2))
        await gateway.dispatch()
        await gateway.publish(step("housing", "h3", 7))
        await gateway.dispatch()
        await sink.until(lambda s: len(s.took) == 4)
        assert [each.event["id"] for each in sink.posted] == ["w0", "w1", "w2", "h1", "h3"]
        may.set()
        await sink.until(lambda s: len(s.took) == 6)
        assert sink.ids()[-2:] == ["h1", "h2"]


async def test_a_line_that_ends_as_it_is_told_holds_up_nobody(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as sink, run_webhook_workers(gateway) as deliverer:
        id, _ = await subscribe_by_webhook(gateway, sink, HOUSING)
        await gateway.publish(step("housing", "h1", 1))
        await gateway.dispatch()
        await until(gateway, id, delivered=1)
        states = delivery_repository.fetch_states

        async def ending(connection: asyncpg.Connection, ids: Sequence[UUID], me: UUID) -> dict[UUID, SinkState]:
            found = await states(connection, ids, me)
            if connection.is_in_transaction() and UUID(id) in ids and (line := deliverer._workers.pop(UUID(id), None)):
                line[1].cancel()
                await asyncio.gather(line[1], return_exceptions=True)
                await gateway.execute("update webhook_sink set leased_by = null")
            return found

        monkeypatch.setattr(delivery_repository, "fetch_states", ending)
        with caplog.at_level(logging.ERROR):
            await gateway.publish(step("housing", "h2", 2))
            await gateway.dispatch()
        monkeypatch.setattr(delivery_repository, "fetch_states", states)
        await until(gateway, id, delivered=2)
    assert not [each for each in caplog.records if "told" in each.getMessage()]


async def test_what_was_given_up_ahead_of_a_crash_is_passed_after_it(gateway: GatewayRoutes) -> None:
    async with listening() as sink:
        id, _ = await subscribe_by_webhook(gateway, sink, HOUSING)
        await gateway.publish(*(step("housing", f"h{n}", n) for n in range(1, 4)))
        await gateway.dispatch()
        await gateway.execute("insert into webhook_dead_letter values ($1, 2, 4, '400', now())", UUID(id))
        async with run_webhook_workers(gateway):
            await until(gateway, id, waiting=0, delivered=2, seconds=5)
        assert sink.ids() == ["h1", "h3"]
