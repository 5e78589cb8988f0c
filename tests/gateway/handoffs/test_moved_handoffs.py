"""Hand-offs are kept as they stand, however people are joined and parted between what is looked at."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import asyncpg
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from pathline_gateway.embedded import Machine
from pathline_gateway.handoffs import projection as handoff_projection
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.identity.membership_writer import MembershipWriter
from support.examples import examples
from support.intake.history import Partition, bind_all_evidence, linked, offered, open_log, ref, retracted, step
from support.postgres.fresh_database import fresh_database

ORGS = ("east", "west", "north")
people = st.integers(0, 2)
orgs = st.sampled_from(ORGS)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), orgs, people, orgs),
        st.tuples(st.just("step"), orgs, people),
        st.tuples(st.just("link"), orgs, people, orgs, people),
        st.tuples(st.just("link"), orgs, people, orgs, people),
        st.tuples(st.just("retract"), st.integers(0, 9)),
        st.tuples(st.just("bind")),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=20,
)
# Everybody is known to each organisation, is offered to the next one, and is met by all of them after that.
BEGUN: list[tuple[Any, ...]] = [
    *(("offer", org, n, ORGS[(at + 1) % 3]) for at, org in enumerate(ORGS) for n in range(3)),
    *(("step", org, n) for org in ORGS for n in range(3)),
    ("look", 1_000),
]


async def _play(database: str, connection: asyncpg.Connection, moves: list[tuple[Any, ...]]) -> None:
    log = Partition()
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        writer = MembershipWriter(pool)
        for n, (what, *how) in enumerate(moves):
            match what:
                case "offer":
                    await log.apply(connection, offered(how[0], f"o{n}", how[1], how[2], f"{how[0]}:{n}", minute=n))
                case "step":
                    await log.apply(connection, step(how[0], f"s{n}", how[1], minute=n))
                case "link" if how[:2] != how[2:]:
                    await log.apply(connection, linked(f"l{n}", ref(*how[:2]), ref(*how[2:]), minute=n))
                case "retract":
                    links = [f"l{m}" for m, move in enumerate(moves[:n]) if move[0] == "link" and move[1:3] != move[3:]]
                    if links:
                        await log.apply(connection, retracted(f"r{n}", links[how[0] % len(links)], minute=n))
                case "bind":
                    await writer.bind_batch()
                case "look":
                    with patch.object(handoff_projection, "_BATCH_SIZE", how[0]):
                        await handoff_projection.project_next_batch(pool)
    await bind_all_evidence(database)


@examples(40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(then=MOVES)
async def test_what_is_kept_is_what_is_told_by_everything_that_is_stored(
    machine: Machine, then: list[tuple[Any, ...]]
) -> None:
    moves = [*BEGUN, *then]
    database = await fresh_database(machine)
    connection = await asyncpg.connect(database)
    try:
        await open_log(connection)
        await _play(database, connection, moves)
        offers = {f"{how[0]}:{n}" for n, (what, *how) in enumerate(moves) if what == "offer"}
        told = {each.handoff: each for each in await handoff_projection.compute_rows(connection, offers)}
        assert told.keys() == offers
        assert await handoff_repository.load_rows(connection, offers) == told
    finally:
        await connection.close()


async def test_a_merge_looks_at_nothing_that_is_asked_of_somebody_who_is_not_there(
    database: str, connection: asyncpg.Connection
) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, *(offered("east", f"o{n}", 1, "west", f"east:{n}") for n in range(5)))
    await log.apply(connection, offered("east", "o9", 1, "north", "east:9"), step("north", "s1", 2))
    await log.apply(connection, step("west", "s2", 7), offered("east", "o8", 7, "west", "east:8"))
    await bind_all_evidence(database)
    await log.apply(connection, linked("l1", ref("east", 1), ref("north", 2)))
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        writer = MembershipWriter(pool)
        while await writer.bind_batch():
            pass
    end = await handoff_repository.batch_end(connection, 99)
    assert end is not None
    assert await handoff_repository.affected_handoffs(connection, end) == {"east:9"}


async def test_who_was_heard_on_a_pathway_that_all_have_left_is_heard_no_more(
    database: str, connection: asyncpg.Connection
) -> None:
    """The pathway is called after a third, so that nothing but the memberships that ended says who stood on it."""
    await open_log(connection)
    log, handoff = Partition(), "east:1"
    await log.apply(connection, step("north", "s0", 0))
    await log.apply(connection, offered("east", "o1", 1, "west", handoff, 1), step("west", "s1", 2, 9))
    await log.apply(connection, linked("l1", ref("north", 0), ref("east", 1)))
    await log.apply(connection, linked("l2", ref("north", 0), ref("west", 2)))
    await bind_all_evidence(database)
    assert (await handoff_repository.load_rows(connection, [handoff]))[handoff].receiver_first_active_at is not None
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        for target in ("l1", "l2"):
            await log.apply(connection, retracted(f"r-{target}", target))
            while await MembershipWriter(pool).bind_batch():
                pass
        with patch.object(handoff_projection, "_BATCH_SIZE", 1):
            while await handoff_projection.project_next_batch(pool):
                pass
    assert (await handoff_repository.load_rows(connection, [handoff]))[handoff].receiver_first_active_at is None
