"""What intake and identity derive is right whatever was refused, repeated, or written at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from pathline_gateway.identity.membership_writer import MembershipWriter
from pathline_gateway.intake.record_writer import RecordWriter
from pathline_gateway.postgres.registry_cache import RegistryCache
from support.intake.history import (
    Partition,
    accepted,
    bind_all_evidence,
    distinguished,
    linked,
    open_log,
    ref,
    retracted,
    step,
    voided,
)
from support.intake.played import find_faults

pytestmark = pytest.mark.timeout(60)

_OPEN_MEMBERSHIPS = "select count(*) from membership where valid_until is null"
_WAITING = """
select exists (
    select from pg_locks join pg_stat_activity using (pid) where not granted and datname = current_database()
)"""


@pytest.fixture
async def other(database: str) -> AsyncIterator[asyncpg.Connection]:
    connected = await asyncpg.connect(database)
    yield connected
    await connected.close()


async def totals(connection: asyncpg.Connection) -> dict[str, int]:
    found = dict(await connection.fetch("select name, value from row_counters"))
    return {name: found[name] for name in ("interactions", "subjects", "stepped", "parked")}


async def stepped(connection: asyncpg.Connection) -> dict[str, bool]:
    return {
        row["subject"]: row["has_steps"] for row in await connection.fetch("select subject, has_steps from subject_ref")
    }


async def test_a_parked_conflict_makes_no_subject(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, step("east", "1", n=1))
    outcome = await log.apply(connection, step("east", "1", n=2))
    assert [parked.reason for parked in outcome.parked] == ["conflicting-duplicate"]
    assert await stepped(connection) == {"v1.000000000000000000001A": True}
    assert await totals(connection) == {"interactions": 1, "subjects": 1, "stepped": 1, "parked": 1}


async def test_a_parked_conflict_gives_no_ref_its_first_step(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, step("east", "1", n=1), distinguished("d", ref("east", 2), ref("west", 3)))
    await log.apply(connection, step("east", "1", n=2), step("west", "9", n=3))
    assert await totals(connection) == {"interactions": 2, "subjects": 3, "stepped": 2, "parked": 1}
    assert not (await stepped(connection))["v1.000000000000000000002A"]


async def test_a_step_that_was_voided_and_comes_again_still_counts_nowhere(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, step("east", "1", n=1))
    await log.apply(connection, voided("east", "v", "1"))
    await log.apply(connection, step("east", "1", n=1))
    assert await totals(connection) == {"interactions": 0, "subjects": 1, "stepped": 0, "parked": 0}
    assert await stepped(connection) == {"v1.000000000000000000001A": False}


async def test_a_step_stored_while_the_last_one_is_voided_counts(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, step("east", "1", n=1))
    async with connection.transaction():
        writer = RecordWriter(connection, {("pathline.in.door-0", 1): 1}, True, RegistryCache())
        await writer.write(next(iter(Partition(1).batch([step("east", "2", n=1)]).parsed_records.values())))
        await log.apply(other, voided("east", "v", "1"))
        await writer.finish()
    assert await totals(connection) == {"interactions": 1, "subjects": 1, "stepped": 1, "parked": 0}
    assert await stepped(connection) == {"v1.000000000000000000001A": True}


async def test_a_retraction_whose_transaction_is_slow_is_heeded_all_the_same(
    database: str, connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, *(step(org, f"{n}", n=n) for n, org in enumerate(("east", "west", "north", "south"))))
    await log.apply(connection, linked("first", ref("east", 0), ref("west", 1)))
    await bind_all_evidence(database)
    slow, quick = retracted("s", "first"), linked("q", ref("north", 2), ref("south", 3))
    async with connection.transaction():
        writer = RecordWriter(connection, {("pathline.in.door-0", 1): 1}, True, RegistryCache())
        await writer.write(next(iter(Partition(1).batch([slow]).parsed_records.values())))
        await log.apply(other, quick)
        await bind_all_evidence(database)
        assert await other.fetchval(_OPEN_MEMBERSHIPS) == 4
        await writer.finish()
    await bind_all_evidence(database)
    assert await connection.fetchval(_OPEN_MEMBERSHIPS) == 2


async def test_links_of_two_transactions_are_counted_one_after_the_other_and_both_bound(
    database: str, connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, *(step(org, f"{n}", n=n) for n, org in enumerate(("east", "west", "north", "south"))))
    slow, quick = linked("s", ref("east", 0), ref("west", 1)), linked("q", ref("north", 2), ref("south", 3))
    async with connection.transaction():
        writer = RecordWriter(connection, {("pathline.in.door-0", 1): 1}, True, RegistryCache())
        await writer.write(next(iter(Partition(1).batch([slow]).parsed_records.values())))
        waiting = asyncio.create_task(log.apply(other, quick))
        while not await connection.fetchval(_WAITING):
            assert not waiting.done()
            await asyncio.sleep(0.01)
        await bind_all_evidence(database)
        await writer.finish()
    await waiting
    await bind_all_evidence(database)
    assert await connection.fetchval(_OPEN_MEMBERSHIPS) == 4


async def test_membership_says_what_the_evidence_seen_says_and_no_more(
    database: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, *(step(org, f"{n}", n=n) for n, org in enumerate(("east", "west", "north"))))
    said = linked("1", ref("east", 0), ref("west", 1)), distinguished("2", ref("west", 1), ref("east", 0))
    await log.apply(connection, *said)
    monkeypatch.setattr("pathline_gateway.identity.membership_writer._BATCH_SIZE", 1)
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        await MembershipWriter(pool).bind_batch()
    assert await connection.fetchval("select link_evidence_seq from membership_progress") == 1
    assert await connection.fetchval("select count(*) from membership where valid_until is null") == 2


async def test_a_hand_off_whose_only_event_is_voided_is_none(database: str, connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, accepted("housing", "a", 2, "clinic:h"), step("housing", "here", 2))
    await bind_all_evidence(database)
    assert await connection.fetchval("select count(*) from handoff") == 1
    await log.apply(connection, voided("housing", "v", "a"), step("housing", "later", 2))
    await bind_all_evidence(database)
    assert await connection.fetchval("select count(*) from handoff") == 0
    assert await find_faults(connection) == {}
