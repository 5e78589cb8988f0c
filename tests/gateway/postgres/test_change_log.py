"""A reader that says `seq > last` misses nothing and sees each change once, in commit order, however many write."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import groupby

import asyncpg

from pathline_gateway.postgres import change_log
from support.intake.history import Partition, open_log, step

WRITERS, BATCHES = 6, 15
Write = Callable[[asyncpg.Connection, int, int], Awaitable[None]]
Change = tuple[int, int]
"""Batch and ref."""


async def dawdle(connection: asyncpg.Connection, chance: random.Random) -> None:
    """The transaction takes its time, as a busy disk or a long batch would make it."""
    await connection.execute("select pg_sleep($1)", chance.random() * 0.02)


async def under_the_lock(connection: asyncpg.Connection, batch: int, refs: int) -> None:
    chance = random.Random(batch)
    async with connection.transaction():
        await dawdle(connection, chance)
        await change_log.lock(connection)
        await change_log.append(connection, range(refs), batch, "interaction", {})
        await dawdle(connection, chance)


async def naively(connection: asyncpg.Connection, batch: int, refs: int) -> None:
    """The same without the lock: a serial number, given when a row is inserted."""
    chance = random.Random(batch)
    async with connection.transaction():
        await change_log.append(connection, range(refs), batch, "interaction", {})
        await dawdle(connection, chance)


async def written_and_read(database: str, write: Write) -> tuple[list[Change], list[Change]]:
    """What was committed, in the order of `seq`, and what a reader saw of it while it was written, as it came."""

    async def writer(number: int) -> None:
        connection = await asyncpg.connect(database)
        sizes = random.Random(number)
        for n in range(BATCHES):
            await write(connection, number * BATCHES + n + 1, sizes.randint(1, 9))
        await connection.close()

    async def reader(ended: asyncio.Event) -> list[Change]:
        connection = await asyncpg.connect(database)
        seen: list[Change] = []
        last, last_round = 0, False
        while not last_round:
            last_round = ended.is_set()
            for row in await connection.fetch(
                "select seq, batch, ref from change_log where seq > $1 order by seq", last
            ):
                seen.append((row["batch"], row["ref"]))
                last = row["seq"]
        await connection.close()
        return seen

    ended = asyncio.Event()
    reading = asyncio.create_task(reader(ended))
    await asyncio.gather(*map(writer, range(WRITERS)))
    ended.set()
    seen = await reading
    connection = await asyncpg.connect(database)
    committed = [tuple(row) for row in await connection.fetch("select batch, ref from change_log order by seq")]
    await connection.close()
    return committed, seen


async def test_a_reader_misses_nothing_and_sees_each_change_once_in_order(database: str) -> None:
    committed, seen = await written_and_read(database, under_the_lock)
    assert seen == committed
    assert len(set(seen)) == len(seen) > WRITERS * BATCHES
    assert len(list(groupby(seen, key=lambda change: change[0]))) == WRITERS * BATCHES


async def test_without_the_lock_the_same_reader_does_miss_changes(database: str) -> None:
    committed, seen = await written_and_read(database, naively)
    assert len(committed) > WRITERS * BATCHES
    assert set(seen) < set(committed)


async def test_intake_of_several_partitions_at_once_loses_no_reader_anything(
    database: str, connection: asyncpg.Connection
) -> None:
    await open_log(connection)
    await Partition(99).apply(connection, *(step("east", f"first-{n}", n) for n in range(9)))
    partitions: dict[int, Partition] = {}

    async def take(writer: asyncpg.Connection, batch: int, size: int) -> None:
        log = partitions.setdefault(batch // BATCHES, Partition(batch // BATCHES))
        await log.apply(writer, *(step("east", f"{batch}-{n}", n) for n in range(size)))

    committed, seen = await written_and_read(database, take)
    assert seen == committed
    stored = await connection.fetch("select distinct batch, ref from interaction")
    assert sorted(map(tuple, stored)) == sorted(seen)
