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
from support.gateways.routes import Rig
from support.gateways.webhook_workers import posting, subscribed, until
from support.intake.history import linked, ref, step
from support.servers.webhook_receiver import Posted, Reply, listening

HOUSING: Any = {"exact": {"org": "housing"}}


async def test_what_is_on_a_pathway_since_waits_for_what_was_on_its_way(rig: Rig) -> None:
    may = asyncio.Event()

    async def slow(posted: Posted) -> Reply:
        if posted.event["id"] == "h1":
            await may.wait()
        return Reply()

    async with listening() as sink, posting(rig):
        await rig.tell(step("clinic", "c0", 1))
        await subscribed(rig, sink, HOUSING)
        sink.answer = slow
        for n in range(3):
            await rig.tell(step("housing", f"w{n}", 10 + n))
            await rig.hand_out()
            await sink.until(lambda s, n=n: len(s.took) == n + 1)
        await rig.tell(step("housing", "h1", 2))
        await rig.hand_out()
        await sink.until(lambda s: s.at_once)
        await rig.tell(linked("l1", ref("clinic", 1), ref("housing", 2)), step("housing", "h2", 2))
        await rig.hand_out()
        await rig.tell(step("housing", "h3", 7))
        await rig.hand_out()
        await sink.until(lambda s: len(s.took) == 4)
        assert [each.event["id"] for each in sink.posted] == ["w0", "w1", "w2", "h1", "h3"]
        may.set()
        await sink.until(lambda s: len(s.took) == 6)
        assert sink.ids()[-2:] == ["h1", "h2"]


async def test_a_line_that_ends_as_it_is_told_holds_up_nobody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as sink, posting(rig) as deliverer:
        id, _ = await subscribed(rig, sink, HOUSING)
        await rig.tell(step("housing", "h1", 1))
        await rig.hand_out()
        await until(rig, id, delivered=1)
        states = delivery_repository.fetch_states

        async def ending(connection: asyncpg.Connection, ids: Sequence[UUID], me: UUID) -> dict[UUID, SinkState]:
            found = await states(connection, ids, me)
            if connection.is_in_transaction() and UUID(id) in ids and (line := deliverer._workers.pop(UUID(id), None)):
                line[1].cancel()
                await asyncio.gather(line[1], return_exceptions=True)
                await rig.execute("update webhook_sink set leased_by = null")
            return found

        monkeypatch.setattr(delivery_repository, "fetch_states", ending)
        with caplog.at_level(logging.ERROR):
            await rig.tell(step("housing", "h2", 2))
            await rig.hand_out()
        monkeypatch.setattr(delivery_repository, "fetch_states", states)
        await until(rig, id, delivered=2)
    assert not [each for each in caplog.records if "told" in each.getMessage()]


async def test_what_was_given_up_ahead_of_a_crash_is_passed_after_it(rig: Rig) -> None:
    async with listening() as sink:
        id, _ = await subscribed(rig, sink, HOUSING)
        await rig.tell(*(step("housing", f"h{n}", n) for n in range(1, 4)))
        await rig.hand_out()
        await rig.execute("insert into webhook_dead_letter values ($1, 2, 4, '400', now())", UUID(id))
        async with posting(rig):
            await until(rig, id, waiting=0, delivered=2, seconds=5)
        assert sink.ids() == ["h1", "h3"]
