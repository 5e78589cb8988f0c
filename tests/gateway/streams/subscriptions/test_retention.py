"""What nobody reads is forgotten in time, and whoever reads then is told so in its place: a gap always means loss."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.subscriptions import numbering_repository, retention_repository
from support.gateways.routes import SECRET, GatewayRoutes, subscriber
from support.gateways.webhook_workers import run_webhook_workers, status, subscribe_by_webhook
from support.intake.history import step
from support.servers.webhook_receiver import Reply, listening

EVER = datetime(2000, 1, 1, tzinfo=UTC)
KEPT = """
select d.number from delivery d join subscription s on s.id = d.subscription
where s.id = $1 and d.number > s.pruned_through order by 1
"""


@pytest.fixture(params=[1, 4, 128], ids=["an event a row", "a few", "all in one"])
def batch_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many events a row has: what is kept for readers is the same."""
    monkeypatch.setattr(numbering_repository, "_BATCH_SIZE", request.param)
    return int(request.param)


async def pull(gateway: GatewayRoutes, org: str, **more: Any) -> str:
    body = {"protocol": "PULL", "config": {"organisation": org, "purpose": "care"}, **more}
    return str((await gateway.request(subscriber(org), "POST", "/v1/subscriptions", json=body)).json()["id"])


async def read(gateway: GatewayRoutes, org: str, id: str, after: str = "n0") -> list[tuple[int, int | None]]:
    """The numbers that are told, each with the first of those that it stands for where they are forgotten."""
    page = (await gateway.request(subscriber(org), "GET", f"/v1/subscriptions/{id}/events?after={after}")).json()
    assert page["next"] == f"n{page['count']}"
    return [(each["number"], each.get("first") if each.get("forgotten") else None) for each in page["events"]]


async def publish_and_dispatch(gateway: GatewayRoutes, n: int, begin: int = 0) -> None:
    await gateway.publish(*(step("clinic", f"c{begin + k}", k) for k in range(n)))
    await gateway.dispatch(everything=False)


async def forget(gateway: GatewayRoutes, before: datetime = EVER, most: int = 10**6, of_all: int = 10**6) -> None:
    async with gateway.pool.acquire() as connection:
        while await retention_repository.delete_expired(connection, before, most, of_all):
            pass


async def rows(gateway: GatewayRoutes, id: str) -> list[int]:
    found = await gateway.pool.fetch(KEPT, UUID(id))
    return [row["number"] for row in found]


@pytest.mark.limit("kept-events", "kept-days")
async def test_whoever_comes_back_late_is_told_what_is_lost_and_goes_on(
    gateway: GatewayRoutes, batch_size: int
) -> None:
    id, other = (
        await pull(gateway, "clinic"),
        await pull(gateway, "clinic", filters=[{"exact": {"service": "nothing"}}]),
    )
    await publish_and_dispatch(gateway, 10)
    await forget(gateway, most=4)
    assert await rows(gateway, id) == [7, 8, 9, 10]
    kept = await gateway.pool.fetchval("select min(last_number) from delivery_batch where subscription = $1", UUID(id))
    assert 7 <= kept < 7 + batch_size, "a row of which nothing is kept is gone"
    assert await read(gateway, "clinic", id) == [(6, 1), (7, None), (8, None), (9, None), (10, None)]
    assert await read(gateway, "clinic", id, "n3") == [(6, 4), (7, None), (8, None), (9, None), (10, None)]
    assert await read(gateway, "clinic", id, "n6") == [(7, None), (8, None), (9, None), (10, None)]
    assert await read(gateway, "clinic", other) == []
    await gateway.execute("update delivery_batch set delivered_at = now() - interval '40 days' where last_number < 9")
    await forget(gateway, before=datetime.now(UTC) - timedelta(days=30))
    forgotten = 8 if batch_size in (1, 4) else 6
    assert await read(gateway, "clinic", id) == [(forgotten, 1), *((n, None) for n in range(forgotten + 1, 11))]
    await gateway.execute("update delivery_batch set delivered_at = now() - interval '40 days'")
    await forget(gateway, before=datetime.now(UTC) - timedelta(days=30))
    assert await read(gateway, "clinic", id) == [(10, 1)]
    await publish_and_dispatch(gateway, 2, begin=10)
    assert await read(gateway, "clinic", id, "n2") == [(10, 3), (11, None), (12, None)]


@pytest.mark.limit("kept-of-organisation")
async def test_many_that_nobody_reads_share_what_their_organisation_may_keep(gateway: GatewayRoutes) -> None:
    ids = [await pull(gateway, "clinic") for _ in range(5)]
    few = await pull(gateway, "clinic", filters=[{"exact": {"activity": "none"}}])
    await gateway.publish(step("housing", "h1", 99))
    mine = await pull(gateway, "housing")
    await publish_and_dispatch(gateway, 20)
    await gateway.publish(*(step("housing", f"h{n}", n) for n in range(2, 22)))
    await gateway.dispatch(everything=False)
    await forget(gateway, of_all=60)
    assert [await rows(gateway, id) for id in ids] == [list(range(11, 21))] * 5
    assert (await rows(gateway, few), len(await rows(gateway, mine))) == ([], 20)


async def test_a_listener_is_told_as_well(gateway: GatewayRoutes) -> None:
    id = await pull(gateway, "clinic")
    await publish_and_dispatch(gateway, 5)
    await forget(gateway, most=2)
    streams = SseStreams(gateway.pool, SECRET, lambda: gateway.now, gateway.listeners)
    frames = streams.listen(UUID(id), 1, auth_disabled=False)
    said = b""
    async with asyncio.timeout(60):
        while b"id: n5" not in said:
            said += await anext(frames)
    await frames.aclose()  # type: ignore[attr-defined]
    assert b'id: n3\ndata: {"number":3,"forgotten":true,"first":2}\n' in said
    assert [said.count(b"id: n%d\n" % n) for n in range(1, 6)] == [0, 0, 1, 1, 1]


async def test_a_sink_that_took_nothing_for_so_long_goes_on_with_what_is_kept_and_is_told_how_much_is_lost(
    gateway: GatewayRoutes,
) -> None:
    async with listening() as sink:
        id, _ = await subscribe_by_webhook(gateway, sink, by=AUTH_DISABLED_CALLER, org="clinic")
        sink.answer = lambda _: Reply(500)
        async with run_webhook_workers(gateway):
            await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(6)))
            await gateway.dispatch()
            await sink.until(lambda sink: len(sink.posted) >= 2, seconds=60)
        await forget(gateway, most=2)
        sink.answer = lambda _: Reply()
        async with run_webhook_workers(gateway):
            await gateway.request(AUTH_DISABLED_CALLER, "POST", f"/v1/subscriptions/{id}/resume")
            await sink.until(lambda sink: len(sink.took) == 2, seconds=60)
            async with asyncio.timeout(60):
                while (await status(gateway, id))["waiting"]:
                    await asyncio.sleep(0.01)
        assert sorted(each.event["number"] for each in sink.took) == [5, 6]
        assert {each.headers["pathline-failures"] for each in sink.took} == {"4"}
        said = await status(gateway, id)
        assert (said["failures"], said["waiting"]) == (4, 0)
