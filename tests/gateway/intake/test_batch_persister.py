"""What Postgres refuses is parked alone; while Postgres is away nothing is parked, and the batch is stored later."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import asyncpg
import pytest

from pathline_gateway.intake import batch_persister
from pathline_gateway.intake.batch import Batch
from pathline_gateway.intake.batch_persister import BatchPersister
from pathline_gateway.intake.batch_transaction import ApplyTarget, apply_batch
from pathline_gateway.intake.record import Accepted, Parked
from pathline_gateway.intake.record_writer import BatchResult
from pathline_gateway.postgres.pool import RegistryConnection
from support.examples import LONG
from support.intake import stored
from support.intake.crashes import Lossy, batch_of, connected, expected_rows
from support.intake.deliveries import DOOR, OWN, Log, PublishedEvent
from support.postgres.databases import Databases

FAILURES: list[Exception] = [
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.InterfaceError("the connection is closed"),
    asyncpg.ConnectionDoesNotExistError(),
    asyncpg.AdminShutdownError(),
    asyncpg.ReadOnlySQLTransactionError(),
    asyncpg.DiskFullError(),
    asyncpg.DeadlockDetectedError(),
    asyncpg.exceptions.TargetServerAttributeNotMatched("no server of the list takes writes"),
    asyncpg.ProtocolError("half a message"),
]
"""What is raised while Postgres is away, is being moved to another machine, is full or only reads."""


@asynccontextmanager
async def persisting(postgres: Databases, said: list[BatchResult]) -> AsyncIterator[BatchPersister]:
    async def stored_now(outcome: BatchResult) -> None:
        said.append(outcome)

    async with asyncpg.create_pool(postgres.dsn, min_size=1, max_size=2, connection_class=RegistryConnection) as pool:
        yield BatchPersister(pool, ApplyTarget("g", True), stored_now)


def plain_log(n: int, *others: PublishedEvent) -> Log:
    log = Log()
    for id in range(n):
        log.add(DOOR, PublishedEvent("step", "clinic", id, id % 3, 0))
    for said in others:
        log.add(DOOR, said)
    return log


@pytest.mark.parametrize("bad", [{0}, {4}, {9}, {2, 3, 7}, set(range(10))], ids=str)
async def test_a_record_that_the_database_refuses_is_parked_and_its_neighbours_are_stored(
    postgres: Databases, bad: set[int]
) -> None:
    log, said = plain_log(10), list[BatchResult]()
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        batch = batch_of(log, {DOOR: (0, 10)}, epoch)
        readings = [
            r._replace(digest=b"short") if n in bad and isinstance(r, Accepted) else r
            for n, r in enumerate(batch.parsed_records[DOOR])
        ]
        await persister.persist(replace(batch, parsed_records={DOOR: readings}))
        found = await stored.tables(watch)
        assert found["parked"] == dict.fromkeys(((*DOOR, n, "unstorable") for n in bad), 1)
        assert {int(i) for ((_, i), _) in found["interactions"]} == set(range(10)) - bad
        assert found["positions"] == {DOOR: 10}
        assert sum(o.accepted for o in said) == 10 - len(bad)
        assert sum(len(o.parked) for o in said) == len(bad)


@pytest.mark.scaled
async def test_a_connection_that_is_lost_at_any_await_parks_nothing_and_the_batch_is_stored(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = plain_log(
        4,
        PublishedEvent("void", "clinic", 8, 0, 1),
        PublishedEvent("link", "clinic", 9, 0, 1),
        PublishedEvent("malformed", "clinic", 0, 0, 0),
    )
    whole = {DOOR: (0, 7)}
    at, fell = 0, True
    async with connected(postgres) as watch:
        while fell:
            said = list[BatchResult]()
            epoch = await stored.empty(watch)
            fell = False

            async def lossy(
                connection: asyncpg.Connection, into: ApplyTarget, batch: Batch, at: int = at
            ) -> BatchResult:
                nonlocal fell
                if fell:
                    return await apply_batch(connection, into, batch)
                lost = Lossy(apply_batch(connection, into, batch), at, connection.terminate)
                try:
                    return await lost  # type: ignore[no-any-return]
                finally:
                    fell = lost.happened

            monkeypatch.setattr(batch_persister, "apply_batch", lossy)
            async with persisting(postgres, said) as persister, asyncio.timeout(30):
                await persister.persist(batch_of(log, whole, epoch))
            assert await stored.tables(watch) == expected_rows(log, [whole]).tables(), at
            at += 1 if LONG else 4
    assert at > 10


@pytest.mark.parametrize("failure", FAILURES, ids=lambda f: type(f).__name__)
async def test_whatever_says_that_postgres_is_away_is_waited_for_and_parks_nothing(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    log, said, left = plain_log(3), list[BatchResult](), [failure] * 3

    async def failing(connection: asyncpg.Connection, into: ApplyTarget, batch: Batch) -> BatchResult:
        if left:
            raise left.pop()
        return await apply_batch(connection, into, batch)

    monkeypatch.setattr(batch_persister, "apply_batch", failing)
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 3)}, epoch))
        assert await stored.tables(watch) == expected_rows(log, [{DOOR: (0, 3)}]).tables()


async def test_a_database_that_was_put_back_while_intake_runs_is_filled_again_and_nothing_is_parked(
    postgres: Databases,
) -> None:
    """What intake remembered of the register is gone with the rows."""
    log, said = plain_log(4), list[BatchResult]()
    log.add(OWN, PublishedEvent("step", "clinic", 9, 1, 0))
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 4)}, epoch))
        await watch.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where pid <> pg_backend_pid() and datname = current_database()"
        )
        epoch = await stored.empty(watch)
        await watch.execute("insert into organisation (org, registered_by) values ('shelter', 'operator')")
        await watch.execute("insert into source (source, org) values ('urn:pathline:shelter:desk', 'shelter')")
        await watch.execute("insert into event_type (type) values ('org.pathline.need.met.v1')")
        cut = {OWN: (0, 1)}
        await persister.persist(batch_of(log, cut, epoch))
        found = await stored.tables(watch)
        assert found["interactions"] == expected_rows(log, [cut]).tables()["interactions"]
        assert not found["parked"]


REFUSALS: list[Exception] = [
    asyncpg.DataError("a value is wrong"),
    asyncpg.ProgramLimitExceededError("a row of an index is too large"),
    asyncpg.ConnectionDoesNotExistError("the message was too long, and Postgres hung up"),
    ConnectionResetError(),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda f: type(f).__name__)
@pytest.mark.parametrize("kept", [True, False], ids=["but its bytes", "not even its bytes"])
async def test_what_postgres_does_not_take_is_found_and_parked_alone(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch, refusal: Exception, kept: bool
) -> None:
    log, said, bad = plain_log(10), list[BatchResult](), 6

    async def refusing(connection: asyncpg.Connection, into: ApplyTarget, batch: Batch) -> BatchResult:
        for reading in batch.parsed_records[DOOR]:
            if reading.record.offset == bad and not (isinstance(reading, Parked) and (kept or reading.position_only)):
                raise refusal
        return await apply_batch(connection, into, batch)

    monkeypatch.setattr(batch_persister, "apply_batch", refusing)
    monkeypatch.setattr(batch_persister, "_BACKOFF_S", (0.001, 0.001))
    async with connected(postgres) as watch, persisting(postgres, said) as persister, asyncio.timeout(60):
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 10)}, epoch))
        found = await stored.tables(watch)
        assert found["parked"] == {(*DOOR, bad, "unstorable"): 1}
        assert {int(i) for ((_, i), _) in found["interactions"]} == set(range(10)) - {bad}
        (row,) = await watch.fetch("select * from parked")
        value = batch_of(log, {DOOR: (0, 10)}, epoch).parsed_records[DOOR][bad].record.value
        assert value is not None
        whole = None if kept else (len(value), hashlib.sha256(value).digest())
        assert row["stored_extent"] == ("whole" if kept else "position")
        assert (row["value"], row["header_names"] == []) == ((value, False) if kept else (None, True))
        assert whole is None or (row["value_size"], row["sha256"]) == whole


async def test_a_postgres_that_hangs_up_on_everybody_parks_nothing(
    postgres: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, said, left = plain_log(3), list[BatchResult](), [asyncpg.ConnectionDoesNotExistError()] * 30

    async def hung_up(connection: asyncpg.Connection, into: ApplyTarget, batch: Batch) -> BatchResult:
        if left:
            raise left.pop()
        return await apply_batch(connection, into, batch)

    async def silent(self: BatchPersister) -> bool:
        return False

    monkeypatch.setattr(batch_persister, "apply_batch", hung_up)
    monkeypatch.setattr(batch_persister, "_BACKOFF_S", (0.001, 0.001))
    monkeypatch.setattr(BatchPersister, "_is_postgres_up", silent)
    async with connected(postgres) as watch, persisting(postgres, said) as persister:
        epoch = await stored.empty(watch)
        await persister.persist(batch_of(log, {DOOR: (0, 3)}, epoch))
        assert await stored.tables(watch) == expected_rows(log, [{DOOR: (0, 3)}]).tables()
