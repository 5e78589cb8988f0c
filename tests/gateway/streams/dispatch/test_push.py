"""Who waits is handed what was just given, and need not read it; and has, in every order, what she would have read."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Collection, Sequence
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.background.health import Health
from pathline_gateway.background.supervisor import supervised
from pathline_gateway.streams.dispatch import delivered_repository, event_rendering
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.dispatch.push import CommitCallback, NewDeliveries, PushDispatcher
from pathline_gateway.streams.dispatch.selection import select_recipients
from pathline_gateway.streams.sse.batched_reader import PageRequest
from pathline_gateway.streams.sse.encoding import EventPage
from pathline_gateway.streams.sse.stream import SseStreams
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.repository import Numbered
from support.examples import later_ones_long
from support.gateways.routes import SECRET, GatewayRoutes
from support.gateways.webhook_workers import run_webhook_workers, status, subscribe_by_webhook
from support.intake.history import linked, ref, step
from support.intake.life import consent_given, make_event
from support.servers.webhook_receiver import listening

_FRAME = re.compile(rb"id: n(\d+)\ndata: ([^\n]*)\n\n")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events were read, each time somebody did."""
    counted: list[int] = []
    under = delivered_repository.fetch_by_number

    async def counting(connection: asyncpg.Connection, wanted: Collection[Numbered]) -> dict[Numbered, asyncpg.Record]:
        found = await under(connection, wanted)
        counted.append(len(found))
        return found

    monkeypatch.setattr(delivered_repository, "fetch_by_number", counting)
    return counted


def streams(gateway: GatewayRoutes) -> SseStreams:
    return SseStreams(gateway.pool, SECRET, lambda: gateway.now, gateway.listeners)


async def made(gateway: GatewayRoutes, *filters: Any, org: str = "reader") -> str:
    wanted = {
        "protocol": "SSE",
        "config": {"organisation": org, "purpose": "care"},
        "filters": list(filters),
    }
    answer = await gateway.request(AUTH_DISABLED_CALLER, "POST", "/v1/subscriptions", json=wanted)
    return str(answer.json()["id"])


async def frames(stream: AsyncIterator[bytes], n: int) -> list[dict[str, Any]]:
    """The next events of it, this many."""
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(found) < n:
            found += [orjson.loads(data) for _, data in _FRAME.findall(await anext(stream))]
    return found


async def page(gateway: GatewayRoutes, id: str) -> list[dict[str, Any]]:
    answer = await gateway.request(
        AUTH_DISABLED_CALLER, "GET", f"/v1/subscriptions/{id}/events", params={"limit": 1_000}
    )
    return list(answer.json()["events"])


async def waits(gateway: GatewayRoutes, id: str) -> None:
    """A stream of this subscription has all that there was, and waits."""
    async with asyncio.timeout(20):
        while not any(each.last_number >= 0 for each in gateway.listeners._listeners.get(UUID(id), ())):
            await asyncio.sleep(0.005)


async def test_a_stream_that_waits_is_handed_what_comes(gateway: GatewayRoutes, read: list[int]) -> None:
    id = await made(gateway, {"exact": {"org": "clinic"}})
    stream = streams(gateway).listen(UUID(id), 0, auth_disabled=True)
    assert (await anext(stream)).startswith(b"retry")
    first = asyncio.create_task(frames(stream, 3))
    await waits(gateway, id)
    for one in (step("clinic", "c1", 1), step("housing", "h1", 2), step("clinic", "c2", 2), step("clinic", "c3", 1)):
        await gateway.publish(one)
    await gateway.dispatch()
    assert [event["id"] for event in await first] == ["c1", "c2", "c3"]
    assert sum(read) == 0
    assert await first == await page(gateway, id)


async def test_a_stream_that_reads_as_something_is_given_has_it_once(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, some = await made(gateway), streams(gateway)
    stream = some.listen(UUID(id), 0, auth_disabled=True)
    await anext(stream)
    first = asyncio.create_task(frames(stream, 2))
    await waits(gateway, id)
    reads, may_read, following = asyncio.Event(), asyncio.Event(), some._reader.read_page

    async def later(asked: PageRequest) -> EventPage | None:
        reads.set()
        await may_read.wait()
        return await following(asked)

    monkeypatch.setattr(some._reader, "read_page", later)
    gateway.listeners.wake([UUID(id)])  # as whoever looks now and then says, or nothing came for a while
    await reads.wait()
    await gateway.publish(step("clinic", "c1", 1))
    await gateway.dispatch()
    may_read.set()
    while not any(each.last_number == 1 for each in gateway.listeners._listeners[UUID(id)]):
        await asyncio.sleep(0.005)
    await gateway.publish(step("clinic", "c2", 1))
    await gateway.dispatch()
    assert [event["id"] for event in await first] == ["c1", "c2"]


async def test_what_is_handed_is_logged_and_withheld_as_what_is_read(gateway: GatewayRoutes, read: list[int]) -> None:
    await gateway.publish(step("housing", "h0", 2), step("clinic", "c0", 1), step("citizen", "m0", 9), consent_given())
    await gateway.publish(
        linked("l1", ref("clinic", 1), ref("housing", 2)), linked("l2", ref("clinic", 1), ref("citizen", 9))
    )
    id = await made(gateway, {"exact": {"org": "clinic"}}, org="housing")
    stream = streams(gateway).listen(UUID(id), 0, auth_disabled=False)
    await anext(stream)
    first = asyncio.create_task(frames(stream, 1))
    await waits(gateway, id)
    before = await gateway.pool.fetchval("select count(*) from access where action = 'stream'")
    await gateway.publish(make_event("clinic", "c1", "contact.made", 1, 6, kind="enquiry"))
    await gateway.dispatch(everything=False)
    (event,) = await first
    assert sum(read) == 0
    assert (event["id"] == "c1", event.get("subject")) == (False, None)
    assert await gateway.pool.fetchval("select count(*) from access where action = 'stream'") == before + 1
    assert event == (await page_of(gateway, id))[0]


async def page_of(gateway: GatewayRoutes, id: str) -> list[dict[str, Any]]:
    async with gateway.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        found = await subscription_repository.find(connection, UUID(id), None)
        assert found is not None
        some = await event_rendering.render_page(connection, SECRET, found.effective(False), 0, 100, gateway.now)
    return [orjson.loads(orjson.dumps(event)) for event in some.events]


async def test_who_cannot_be_told_holds_up_nobody_even_where_somebody_changes_what_she_wants(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, looked = await made(gateway), 0
    await gateway.publish(step("clinic", "c1", 1))

    class Untold:
        has_waiting = True

        async def prepare_push(
            self, _moment: event_rendering.RenderContext, _given: Sequence[NewDeliveries]
        ) -> Sequence[CommitCallback]:
            raise KeyError

    async def changing(*asked: Any) -> Any:
        nonlocal looked
        looked += 1
        if looked == 2:
            await gateway.execute("update subscription set purpose = 'other'")
        return await select_recipients(*asked)

    for looks in ("dispatcher", "selection_by_pathway"):
        monkeypatch.setattr(f"pathline_gateway.streams.dispatch.{looks}.select_recipients", changing)
    at_hand = PushDispatcher(SECRET, [Untold()])
    dispatcher = Dispatcher(gateway.pool, lambda: gateway.now, auth_disabled=True, push_dispatcher=at_hand)
    assert [await dispatcher.dispatch_some() for _ in range(3)] == [True, True, False]
    assert [event["id"] for event in await page(gateway, id)] == ["c1"]


async def test_a_sink_that_keeps_up_is_posted_what_nobody_reads(gateway: GatewayRoutes, read: list[int]) -> None:
    async with listening() as sink, run_webhook_workers(gateway):
        id, _ = await subscribe_by_webhook(gateway, sink, {"exact": {"org": "clinic"}})
        for n in range(40):
            await gateway.publish(step("clinic", f"c{n}", n % 7))
            await gateway.dispatch()
            await sink.until_took(n + 1)
        async with asyncio.timeout(20):
            while (await status(gateway, id))["waiting"]:
                await asyncio.sleep(0.01)
    assert [each.event["id"] for each in sink.took] == [f"c{n}" for n in range(40)]
    assert sum(read) < 40


@pytest.mark.parametrize("seed", later_ones_long(range(6), first=2))
async def test_in_every_order_a_listener_has_what_she_would_have_read(
    gateway: GatewayRoutes, seed: int, read: list[int]
) -> None:
    """Two processes hand out, of which one is hers; she is slow at times, and it is paused at times."""
    chance, gateway.caller = Random(seed), AUTH_DISABLED_CALLER
    ids = [await made(gateway, *wants) for wants in ((), ({"exact": {"org": "clinic"}},))]
    async with asyncpg.create_pool(gateway.database, min_size=1, max_size=4) as pool:
        at_hand = PushDispatcher(SECRET, [gateway.listeners])
        hers = Dispatcher(
            pool, lambda: gateway.now, gateway.listeners.wake, auth_disabled=True, push_dispatcher=at_hand
        )
        another = Dispatcher(pool, lambda: gateway.now, auth_disabled=True)
        done = asyncio.Event()

        async def tell() -> None:
            for n in range(60):
                await gateway.publish(step(chance.choice(("clinic", "housing")), f"e{n}", n % 5))
                await asyncio.sleep(chance.random() * 0.01)

        async def hand_out(dispatcher: Dispatcher) -> None:
            while True:
                with contextlib.suppress(asyncpg.SerializationError):
                    await dispatcher.dispatch_some()
                await asyncio.sleep(chance.random() * 0.02)

        async def pause() -> None:
            while not done.is_set():
                id = chance.choice(ids)
                for what in ("pause", "resume"):
                    answer = await gateway.http.post(f"/v1/subscriptions/{id}/{what}")
                    assert answer.is_success
                    await asyncio.sleep(chance.random() * 0.1)

        async def listen(id: str, slow: float, found: list[bytes]) -> None:
            """Comes again where the stream ended, after the last that she has."""
            while True:
                async for said in streams(gateway).listen(UUID(id), len(found), auth_disabled=True):
                    numbers = [int(number) for number, _ in _FRAME.findall(said)]
                    assert numbers == list(range(len(found) + 1, len(found) + 1 + len(numbers)))
                    found += [data for _, data in _FRAME.findall(said)]
                    await asyncio.sleep(chance.random() * slow)
                await asyncio.sleep(0.01)

        async def look() -> None:
            async with supervised(gateway.listeners.loop, Health()):
                await asyncio.Event().wait()

        heard: list[tuple[str, list[bytes]]] = [(id, []) for id in ids for _ in range(2)]
        background = [
            asyncio.create_task(work)
            for work in (
                hand_out(hers),
                hand_out(another),
                pause(),
                look(),
                *(listen(id, 0.05 * (n % 2), found) for n, (id, found) in enumerate(heard)),
            )
        ]
        try:
            await tell()
            done.set()
            await background[2]
            async with asyncio.timeout(30):
                for id, found in heard:
                    while len(found) < len(await page(gateway, id)) or not found:
                        assert not any(each.done() and each is not background[2] for each in background)
                        await asyncio.sleep(0.02)
                while await gateway.pool.fetchval("select count(*) from delivery") < 60:
                    await asyncio.sleep(0.02)
        finally:
            for each in background:
                each.cancel()
            ended = await asyncio.gather(*background, return_exceptions=True)
    assert all(each is None or isinstance(each, asyncio.CancelledError) for each in ended), ended
    for id, found in heard:
        assert [orjson.loads(data) for data in found] == await page(gateway, id)
    assert len(heard[0][1]) == 60
    # Some of it was handed over, and some was read: else half of this was never tried.
    assert 0 < sum(read) < sum(len(found) for _, found in heard)
