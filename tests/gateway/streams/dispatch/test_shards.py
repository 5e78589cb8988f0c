"""Dispatch in shards: of several processes each numbers the deliveries of its own subscriptions, and one may do all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.auth.caller import AUTH_DISABLED_CALLER
from pathline_gateway.embedded import Machine
from pathline_gateway.handoffs import notice_repository
from pathline_gateway.streams.dispatch import replay_repository
from pathline_gateway.streams.dispatch.dispatcher import Dispatcher
from pathline_gateway.streams.subscriptions import repository as subscription_repository
from pathline_gateway.streams.subscriptions.shards import ALL_SHARDS, shard_of
from support.examples import examples
from support.gateways.routes import GatewayRoutes, routes_on
from support.gateways.shards import LEADERS, LeaderOfShards
from support.gateways.subscriptions import event_ids, pull_events, subscribe_by_pull
from support.intake.history import step

ORGS = ("clinic", "housing")


async def subscribe_in_each_shard(gateway: GatewayRoutes) -> list[str]:
    """Subscriptions to everything, at least one of each shard."""
    ids: list[str] = []
    while {shard_of(UUID(id)) for id in ids} != set(ALL_SHARDS):
        ids.append(await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader"))
    return ids


async def test_a_shard_is_what_postgres_has(gateway: GatewayRoutes) -> None:
    ids = await subscribe_in_each_shard(gateway)
    rows = await gateway.pool.fetch("select id, shard from subscription")
    assert {str(row["id"]): row["shard"] for row in rows} == {id: shard_of(UUID(id)) for id in ids}


async def test_shards_that_stand_together_read_a_page_once(
    gateway: GatewayRoutes, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = list[tuple[int, int]]()
    fetch: Any = subscription_repository.fetch_outlines

    async def counting(connection: asyncpg.Connection, begin: int, end: int) -> Any:
        read.append((begin, end))
        return await fetch(connection, begin, end)

    monkeypatch.setattr(subscription_repository, "fetch_outlines", counting)
    await subscribe_in_each_shard(gateway)
    await gateway.publish(*(step("clinic", f"a{n}", n) for n in range(5)))
    await gateway.dispatch()
    assert len(read) == 1
    await gateway.publish(*(step("clinic", f"b{n}", n) for n in range(5)))
    await gateway.dispatch(leadership=LeaderOfShards([3]))
    assert len(read) == 2
    await gateway.publish(*(step("clinic", f"c{n}", n) for n in range(5)))
    await gateway.dispatch()
    assert len(read) == 4, "seven catch up with the eighth, and from there on they go together"
    assert read[2][1] == read[3][0] == read[1][1]


async def test_a_replay_in_a_shard_without_subscriptions_holds_up_no_notice(gateway: GatewayRoutes) -> None:
    id = await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader")
    await gateway.publish(step("clinic", "a", 1))
    await gateway.dispatch()
    async with gateway.pool.acquire() as connection:
        shards = {shard_of(UUID(id))}
        while len(shards) == 1:  # until one is in another shard
            await replay_repository.create_series(connection, UUID(id), 0, 0)
            shards = {row["shard"] for row in await connection.fetch("select shard from subscription")}
        await connection.execute("update handoff_progress set change_seq = (select max(seq) from change_log)")
        assert await notice_repository.is_dispatch_caught_up(connection)
        await connection.execute("update handoff_progress set change_seq = change_seq + 1")
        assert not await notice_repository.is_dispatch_caught_up(connection)


TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(ORGS), st.integers(1, 4)),
        st.tuples(st.just("dispatch"), st.sampled_from(ORGS), st.sampled_from(range(len(LEADERS)))),
        st.tuples(st.just("subscribe"), st.sampled_from(ORGS), st.just(0)),
    ),
    min_size=3,
    max_size=14,
)


@given(TURNS)
@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_receives_everything_since_it_subscribed_in_order_whoever_dispatches(
    machine: Machine, turns: Sequence[tuple[str, str, int]]
) -> None:
    async with routes_on(machine) as gateway:
        published: list[tuple[str, str]] = []
        # Whose events, where not everybody's; and how many events there were before.
        wants: dict[str, tuple[str, int]] = dict.fromkeys((await subscribe_in_each_shard(gateway))[-3:], ("", 0))
        for n, (turn, org, count) in enumerate(turns):
            match turn:
                case "publish":
                    batch = [(org, f"e{n}-{k}") for k in range(count)]
                    await gateway.publish(*(step(org, event, k) for k, (_, event) in enumerate(batch)))
                    published += batch
                case "dispatch":
                    await gateway.dispatch(leadership=LEADERS[count])
                case _:
                    only = {"exact": {"org": org}}
                    wants[await subscribe_by_pull(gateway, AUTH_DISABLED_CALLER, "reader", only)] = (
                        org,
                        len(published),
                    )
        await asyncio.gather(*(one_process(gateway, leader) for leader in LEADERS[1:3]))
        for id, (org, before) in wants.items():
            page = await pull_events(gateway, AUTH_DISABLED_CALLER, id)
            assert event_ids(page) == [event for by, event in published[before:] if org in ("", by)]
            assert [each["number"] for each in page["events"]] == list(range(1, len(page["events"]) + 1))


async def one_process(gateway: GatewayRoutes, leader: LeaderOfShards) -> None:
    """It dispatches until there is nothing to do, beside another that does."""
    dispatcher = Dispatcher(gateway.pool, lambda: gateway.now, auth_disabled=True, leadership=leader)
    while await dispatcher.dispatch_some():
        pass
