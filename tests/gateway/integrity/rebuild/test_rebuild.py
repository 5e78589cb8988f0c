"""`rebuild` mends what is derived, beside a gateway at work, and changes nothing before its switch."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

import asyncpg
import pytest

from pathline_gateway.intake.record_writer import RecordWriter
from pathline_gateway.integrity.rebuild import shadow_schema
from pathline_gateway.integrity.rebuild.projection import Projection
from pathline_gateway.integrity.rebuild.run import PROJECTIONS, AnotherRebuild, rebuild
from pathline_gateway.integrity.rebuild.shadow_schema import RebuildPosition
from pathline_gateway.integrity.rebuild.step_flags import StepFlagProjection
from pathline_gateway.postgres.registry_cache import RegistryCache
from support.intake.history import Partition, bind_all_evidence, corrected, linked, open_log, ref, step, voided
from support.intake.played import LIFE, find_faults, play

DERIVED = {
    "a total": ("update row_counters set value = value + 7 where name = 'interactions'", "totals"),
    "totals of all kinds": ("update row_counters set value = value + 1 where name <> 'emptied'", "totals"),
    "refs that are stepped": ("update subject_ref set has_steps = not has_steps", "stepped"),
    "a missing membership": ("delete from membership where ref = (select max(ref) from membership)", "membership"),
    "a membership in another's pathway": (
        "update membership set pathway = (select anchor_id from subject_ref where org = 'north')"
        " where valid_until is null",
        "membership",
    ),
    "a membership that no evidence gives": (
        "insert into membership (ref, pathway)"
        " select id, (select anchor_id from subject_ref where org = 'east' limit 1)"
        " from subject_ref where org = 'north'",
        "membership",
    ),
    "a dangling amendment": ("update amendment set target_ref = null where kind = 'corrected'", "amendments"),
    "a hand-off that was never accepted": (
        "update handoff set state = 'requested', accepted_at = null, accept_answered_at = null",
        "handoffs",
    ),
    "a hand-off that is missing": ("delete from handoff", "handoffs"),
    "an amendment of somebody else": (
        "update amendment set target_ref = (select id from subject_ref where org = 'north')",
        "amendments",
    ),
}


async def differing(connection: asyncpg.Connection, *, dry_run: bool = False) -> dict[str, int]:
    return {d.projection: d.differing_count for d in await rebuild(connection, dry_run=dry_run) if d.differing_count}


async def live(connection: asyncpg.Connection) -> list[str]:
    statement = """
        select s::text from subject_ref s union all select a::text from amendment a
        union all select m::text from membership m union all select t::text from row_counters t
        union all select c::text from change_log c order by 1
    """
    return [row[0] for row in await connection.fetch(statement)]


@pytest.mark.parametrize(("corrupt", "named"), DERIVED.values(), ids=DERIVED)
async def test_what_is_derived_is_mended(
    database: str, connection: asyncpg.Connection, corrupt: str, named: str
) -> None:
    await play(database, connection, LIFE)
    await connection.execute(corrupt)
    before = await live(connection)
    assert named in await differing(connection, dry_run=True)
    assert await live(connection) == before
    assert named in await differing(connection)
    assert await find_faults(connection) == {}
    assert await differing(connection) == {}


async def test_a_mended_pathway_has_another_version(database: str, connection: asyncpg.Connection) -> None:
    await play(database, connection, LIFE)
    last = await connection.fetchval("select max(seq) from change_log")
    await connection.execute("update amendment set target_ref = null where kind = 'corrected'")
    await rebuild(connection)
    logged = await connection.fetch("select kind, ref from change_log where seq > $1", last)
    target = await connection.fetchval("select target_ref from amendment where kind = 'corrected'")
    assert [tuple(row) for row in logged] == [("amendment", target)]


async def test_a_rebuild_of_what_is_right_changes_nothing(database: str, connection: asyncpg.Connection) -> None:
    await play(database, connection, LIFE)
    before = await live(connection)
    assert await differing(connection) == {}
    assert await live(connection) == before


class Interrupted(Exception):
    pass


class Broken(StepFlagProjection):
    """A projection that is interrupted in one of its steps."""

    def __init__(self, at: str) -> None:
        self.at = at

    async def _maybe(self, here: str) -> None:
        if here == self.at:
            raise Interrupted

    async def build(self, connection: asyncpg.Connection) -> None:
        await super().build(connection)
        await self._maybe("build")

    async def catch_up(
        self, connection: asyncpg.Connection, changed: Collection[int], since: RebuildPosition, to: RebuildPosition
    ) -> Collection[int]:
        await self._maybe("catch_up")
        return await super().catch_up(connection, changed, since, to)

    async def switch_over(self, connection: asyncpg.Connection) -> None:
        await super().switch_over(connection)
        await self._maybe("switch")


@pytest.mark.parametrize("at", ["build", "catch_up", "switch"])
async def test_an_interrupted_rebuild_changes_nothing_and_can_be_run_again(
    database: str, connection: asyncpg.Connection, at: str
) -> None:
    await play(database, connection, LIFE)
    await connection.execute("update subject_ref set has_steps = not has_steps")
    before = await live(connection)
    broken: list[Projection] = [Broken(at), *PROJECTIONS[1:]]
    with pytest.raises(Interrupted):
        await rebuild(connection, broken)
    assert await live(connection) == before
    await rebuild(connection)
    assert await find_faults(connection) == {}


async def test_a_rebuild_whose_connection_dies_leaves_nothing_in_the_way(
    database: str, connection: asyncpg.Connection
) -> None:
    await play(database, connection, LIFE)
    await connection.execute("update subject_ref set has_steps = not has_steps")
    dying = await asyncpg.connect(database)
    await shadow_schema.try_lock(dying)
    await shadow_schema.prepare(dying)
    with pytest.raises(AnotherRebuild):
        await rebuild(connection)
    dying.terminate()
    here = "(select oid from pg_database where datname = current_database())"
    while await connection.fetchval(f"select count(*) from pg_locks where locktype = 'advisory' and database = {here}"):
        await asyncio.sleep(0)
    await rebuild(connection)
    assert await find_faults(connection) == {}


class Dawdling(StepFlagProjection):
    """Waits between its scan and its catching up, so that much is written in between."""

    def __init__(self, scanned: asyncio.Event, go_on: asyncio.Event) -> None:
        self.scanned, self.go_on = scanned, go_on

    async def build(self, connection: asyncpg.Connection) -> None:
        await super().build(connection)
        self.scanned.set()
        await self.go_on.wait()


async def test_what_is_written_during_a_rebuild_is_in_it(database: str, connection: asyncpg.Connection) -> None:
    await play(database, connection, LIFE)
    await connection.execute("update subject_ref set has_steps = not has_steps")
    scanned, go_on = asyncio.Event(), asyncio.Event()
    other = await asyncpg.connect(database)
    rebuilds = asyncio.create_task(rebuild(other, [Dawdling(scanned, go_on), *PROJECTIONS[1:]]))
    await scanned.wait()
    log = Partition(7)
    await log.apply(
        connection, step("south", "1", 4), step("east", "9", 0), linked("l9", ref("south", 4), ref("east", 0))
    )
    await log.apply(connection, voided("west", "v9", "1"), corrected("east", "c9", "9", "Paid"))
    await bind_all_evidence(database)
    go_on.set()
    await rebuilds
    await other.close()
    assert await find_faults(connection) == {}


async def test_a_step_stored_while_its_ref_is_found_empty_counts(database: str, connection: asyncpg.Connection) -> None:
    await play(database, connection, LIFE)
    await connection.execute("update subject_ref set has_steps = true where org = 'west'")
    other = await asyncpg.connect(database)
    async with other.transaction():
        writer = RecordWriter(other, {("pathline.in.door-0", 1): 1}, True, RegistryCache())
        batch = Partition(1).batch([step("west", "slow", 2)])
        await writer.write(next(iter(batch.parsed_records.values())))
        await rebuild(connection)
        await writer.finish()
    await other.close()
    assert await find_faults(connection) == {}


async def test_writers_that_never_rest_lose_nothing_to_rebuilds(database: str, connection: asyncpg.Connection) -> None:
    await open_log(connection)
    await Partition(99).apply(
        connection,
        *(step("east", f"first-{n}", n) for n in range(4)),
        linked("l", ref("far", 8), ref("off", 9)),
        voided("east", "v", "none"),
    )
    ended = asyncio.Event()

    async def writer(number: int) -> int:
        mine = await asyncpg.connect(database)
        log = Partition(number)
        batches = 0
        while not ended.is_set() or batches < 3:
            id = f"{number}-{batches}"
            told = [step("east", id, batches % 4), step("west", id, batches % 4)]
            if batches % 3 == 0:
                told += [linked(f"l-{id}", ref("east", batches % 4), ref("west", batches % 4))]
            if batches % 5 == 1:
                told += [voided("east", f"v-{id}", f"{number}-{batches - 1}")]
            while True:
                try:
                    await log.apply(mine, *told)
                    break
                except asyncpg.DeadlockDetectedError:  # as intake does: the batch is tried again
                    log.offset -= len(told)
            batches += 1
        await mine.close()
        return batches

    async def binder() -> None:
        while not ended.is_set():
            await bind_all_evidence(database)

    writers = [asyncio.create_task(writer(number)) for number in range(2)]
    binding = asyncio.create_task(binder())
    rebuilder = await asyncpg.connect(database)
    for _ in range(4):
        await connection.execute(
            "update subject_ref set has_steps = false where id = (select min(id) from subject_ref)"
        )
        await rebuild(rebuilder)
        assert await find_faults(connection) == {}
    ended.set()
    batches = await asyncio.gather(*writers)
    await binding
    await bind_all_evidence(database)
    await rebuilder.close()
    assert await find_faults(connection) == {}
    assert await connection.fetchval("select count(*) from interaction") == 4 + 2 * sum(batches)
