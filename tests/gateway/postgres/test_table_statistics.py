"""Postgres knows how many different hand-offs and batches there are, over all months together."""

from __future__ import annotations

import asyncpg

from pathline_gateway.postgres.table_statistics import analyze_if_grown
from support.intake.history import Partition, offered, open_log

_FEW = 300


async def expected(connection: asyncpg.Connection) -> float:
    """Rows that Postgres expects for ten hand-offs that it does not know."""
    looked_up = "select from unnest(array(select ''::text)) h(handoff) join interaction i on i.handoff = h.handoff"
    return float(
        (await connection.fetchval(f"explain (format json) {looked_up}")).split('"Plan Rows": ')[1].split(",")[0]
    )


async def months_counted(connection: asyncpg.Connection) -> None:
    """As autovacuum does it: each month, and not the whole."""
    for row in await connection.fetch(
        "select inhrelid::regclass::text from pg_inherits where inhparent = 'interaction'::regclass"
    ):
        await connection.execute(f"analyze {row[0]}")


async def test_what_is_stored_is_counted_whenever_it_has_doubled(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    assert not await analyze_if_grown(connection, _FEW)
    await log.apply(connection, *(offered("east", f"a{n}", n, "west", f"east:a{n}") for n in range(_FEW)))
    await months_counted(connection)
    assert await expected(connection) > 10
    assert await analyze_if_grown(connection, _FEW)
    assert await expected(connection) == 10
    assert not await analyze_if_grown(connection, _FEW)
    await log.apply(connection, *(offered("east", f"b{n}", n, "west", f"east:b{n}") for n in range(_FEW - 1)))
    await months_counted(connection)
    assert not await analyze_if_grown(connection, _FEW)
    await log.apply(connection, offered("east", "c", 1, "west", "east:c"))
    await months_counted(connection)
    assert await analyze_if_grown(connection, _FEW)


async def test_few_are_not_counted(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    await Partition().apply(connection, *(offered("east", f"a{n}", n, "west", f"east:a{n}") for n in range(9)))
    await months_counted(connection)
    assert not await analyze_if_grown(connection)
