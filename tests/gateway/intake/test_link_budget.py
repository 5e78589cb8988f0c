"""Links without end and proposals without end: what goes past a limit is parked as it came, and others are bound."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from gateway.intake.stored_evidence import check_bound_evidence, find_pathway_of, register_strictly, store_events
from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.limits.table import Limits
from pathline_gateway.parked.replay import ReplayRules, replay
from support.gateways.routes import GatewayRoutes
from support.intake.history import Event, linked, ref, step

CHAIN = int(os.environ.get("PATHLINE_TEST_LINKS_IN_A_CHAIN", "3000"))
FLOOD = int(os.environ.get("PATHLINE_TEST_LINKS_IN_GROUPS", "8000"))
GROUPS = FLOOD // 512 + 1
"""As few as have room for them."""


def said_by(org: str, told: Event) -> Event:
    return replace(told, org=org)


async def parked(gateway: GatewayRoutes) -> Counter[str]:
    rows = await gateway.pool.fetch("select reason from parked where state = 'parked'")
    return Counter(row["reason"] for row in rows)


@pytest.mark.limit("component-links", "component-refs")
async def test_a_chain_without_end_is_cut_and_an_honest_link_behind_it_is_bound(gateway: GatewayRoutes) -> None:
    await register_strictly(gateway, component_links=100, component_refs=150)
    await gateway.execute("insert into linker (org, of_org, entered_by) values ('registry', 'clinic', 'a test'), "
                      "('registry', 'housing', 'a test')")  # fmt: skip
    chain = [said_by("chainer", linked(f"l{n}", ref("chainer", n), ref("chainer", n + 1))) for n in range(CHAIN)]
    await store_events(gateway, [*chain, linked("honest", ref("clinic", 1), ref("housing", 1))])
    await gateway.bind()
    assert (await parked(gateway)) == {"over-component-links": CHAIN // 101}
    largest = await gateway.pool.fetchval(
        "select max(n) from (select count(*) n from link_component group by component) c"
    )
    assert largest == 101
    assert await find_pathway_of(gateway, "clinic") == await find_pathway_of(gateway, "housing")
    await check_bound_evidence(gateway)


async def test_a_flood_of_links_is_bound_in_turns_with_those_of_others(gateway: GatewayRoutes) -> None:
    """What one says among many large groups is bound a group at a time, and an honest link behind it with the first."""
    await register_strictly(gateway)
    await gateway.execute("insert into linker (org, of_org, entered_by) values ('registry', 'clinic', 'a test'), "
                      "('registry', 'housing', 'a test')")  # fmt: skip
    flood = [(ref("chainer", n % GROUPS * 1_000), ref("chainer", n % GROUPS * 1_000 + n // GROUPS + 1))
             for n in range(FLOOD)]  # fmt: skip
    await store_events(gateway, [said_by("chainer", linked(f"l{n}", *pair)) for n, pair in enumerate(flood)])
    await store_events(gateway, [linked("honest", ref("clinic", 1), ref("housing", 1))])
    writer, turns, began = MembershipWriter(gateway.pool), [time.monotonic()], time.monotonic()
    while await writer.bind_batch():
        turns.append(time.monotonic())
        if len(turns) == 2:
            assert await find_pathway_of(gateway, "clinic") == await find_pathway_of(gateway, "housing")
        if len(turns) <= 4:  # in the middle of it, too
            await check_bound_evidence(gateway)
    worst = max(later - earlier for earlier, later in pairwise(turns))
    took = f"{len(turns) - 1} turns, {turns[-1] - began:.1f} s, the longest {worst:.2f} s"
    print(f"{FLOOD} links in {GROUPS} groups: {took}")
    assert len(turns) - 1 <= GROUPS + 2
    assert await gateway.pool.fetchval("select count(*) from link_evidence_seen_ahead") == 0
    assert not await parked(gateway)
    await check_bound_evidence(gateway)


async def test_two_who_chain_together_are_cut_as_well(gateway: GatewayRoutes) -> None:
    await register_strictly(gateway, component_links=100, component_refs=150)
    for org, of in (("registry", "chainer"), ("clinic", "chainer")):
        await gateway.execute("insert into linker (org, of_org, entered_by) values ($1, $2, 'a test')", org, of)
    both = [said_by(("registry", "clinic")[n % 2], linked(f"l{n}", ref("chainer", n), ref("chainer", n + 1)))
            for n in range(400)]  # fmt: skip
    await store_events(gateway, both)
    await gateway.bind()
    assert (await parked(gateway)) == {"over-component-refs": 400 // 150}
    await check_bound_evidence(gateway)


async def test_what_was_parked_is_taken_in_once_there_is_room(gateway: GatewayRoutes) -> None:
    await register_strictly(gateway, component_links=2)
    await store_events(
        gateway, [said_by("clinic", linked(f"l{n}", ref("clinic", n), ref("clinic", n + 1))) for n in range(3)]
    )
    (id,) = [row["id"] for row in await gateway.pool.fetch("select id from parked where state = 'parked'")]
    async with gateway.pool.acquire() as connection:
        still = await replay(
            connection, ReplayRules("a test", register_unknown=False, limits=Limits(component_links=2)), id
        )
        taken = await replay(
            connection, ReplayRules("a test", register_unknown=False, limits=Limits(component_links=3)), id
        )
    assert (still.outcome, still.reason) == ("still-parked", "over-component-links")
    assert (taken.outcome, taken.resolution) == ("replayed", "evidence")
    assert await gateway.pool.fetchval("select sum(link_count) from link_component_share") == 3


async def test_a_link_that_comes_twice_counts_once(gateway: GatewayRoutes) -> None:
    await register_strictly(gateway, component_links=2)
    link = said_by("clinic", linked("l", ref("clinic", 1), ref("clinic", 2)))
    await store_events(gateway, [link, link])
    await store_events(gateway, [link])
    assert await gateway.pool.fetchval("select sum(link_count) from link_component_share") == 1
    assert not await parked(gateway)


@pytest.mark.limit("proposals")
async def test_whoever_may_not_link_names_no_more_of_others_records_than_people_can_look_at(
    gateway: GatewayRoutes,
) -> None:
    await register_strictly(gateway, proposals=20)
    await gateway.publish(step("clinic", "c1", 1), step("housing", "h1", 1))
    before = await gateway.pool.fetchval("select count(*) from subject_ref")
    many = [said_by("chainer", linked(f"p{n}", ref("clinic", 1_000 + n), ref("housing", 1))) for n in range(500)]
    await store_events(gateway, [*many, said_by("registry", linked("r", ref("clinic", 1), ref("housing", 1)))])
    await gateway.bind()
    assert await parked(gateway) == {"over-proposals": 480}
    assert await gateway.pool.fetchval("select count(*) from subject_ref") == before + 20
    waits = await gateway.pool.fetch(
        "select s.org, count(*) as n from review_item r join source s on s.id = r.source group by 1"
    )
    assert dict(waits) == {"chainer": 20, "registry": 1}
    await gateway.execute("update proposal_count set day = day - 1")
    await store_events(gateway, [said_by("chainer", linked("tomorrow", ref("clinic", 9_000), ref("housing", 1)))])
    assert await parked(gateway) == {"over-proposals": 480}


async def test_what_strangers_propose_is_nothing_that_others_links_have_to_be_looked_at_with(
    gateway: GatewayRoutes,
) -> None:
    await register_strictly(gateway)
    await gateway.execute("insert into linker (org, of_org, entered_by) values ('registry', 'clinic', 'a test'), "
                      "('registry', 'housing', 'a test')")  # fmt: skip
    proposed = [said_by("chainer", linked(f"p{n}", ref("clinic", n), ref("housing", n + 1))) for n in range(50)]
    proposed += [said_by("chainer", linked(f"q{n}", ref("housing", n), ref("clinic", n))) for n in range(50)]
    await store_events(gateway, proposed)
    await gateway.bind()
    await store_events(gateway, [linked("honest", ref("clinic", 7), ref("housing", 7))])
    async with gateway.pool.acquire() as connection, connection.transaction():
        writer = MembershipWriter(gateway.pool)
        assert await writer.bind_batch() == 1
        assert await connection.fetchval("select count(*) from membership where valid_until is null") == 2
    # The proposal that was about just these two is nobody's question any more; all others wait on.
    assert await gateway.pool.fetchval("select count(*) from review_item") == 99
    await check_bound_evidence(gateway)
