"""What is looked at to keep hand-offs grows with the entries of a page, and a page ends where a batch does."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from pathline_gateway.store import handoff_records
from verify.history import Partition, bound, offered, opened, step

_PEOPLE = 1_000
_ROWS_AN_ENTRY = 40


def rows(plan: dict[str, Any]) -> float:
    """How many rows all of this plan looked at, those among them that were not what it looked for."""
    here = sum(float(plan.get(name, 0)) for name in ("Actual Rows", *(n for n in plan if n.startswith("Rows Removed"))))
    return here * float(plan["Actual Loops"]) + sum(map(rows, plan.get("Plans", ())))


async def test_a_page_costs_a_few_rows_an_entry_also_where_nothing_was_counted_yet(
    connection: asyncpg.Connection,
) -> None:
    await opened(connection)
    steps = [step("east", f"s{n}", n) for n in range(_PEOPLE)]
    offers = [offered("east", f"o{n}", n, "west", f"east:{n}") for n in range(0, _PEOPLE, 10)]
    await Partition().apply(connection, *steps, *offers)
    end = await handoff_records.page_end(connection, 2 * _PEOPLE)
    assert end is not None
    assert await handoff_records.touched(connection, end) == {f"east:{n}" for n in range(0, _PEOPLE, 10)}
    await connection.execute("set plan_cache_mode = force_generic_plan")
    explained = f"explain (analyze, format json) {handoff_records._TOUCHED}"
    plan = json.loads(await connection.fetchval(explained, end, None))[0]["Plan"]
    assert rows(plan) < _ROWS_AN_ENTRY * _PEOPLE


async def test_a_page_ends_where_a_batch_ends(connection: asyncpg.Connection) -> None:
    await opened(connection)
    log = Partition()
    await log.apply(connection, *(offered("east", f"a{n}", n, "west", f"east:a{n}") for n in range(5)))
    await log.apply(connection, *(offered("east", f"b{n}", n, "west", f"east:b{n}") for n in range(5)))
    first = await handoff_records.page_end(connection, 3)
    assert first == await connection.fetchval(
        "select max(seq) from change where batch = (select min(batch) from change)"
    )
    assert first is not None
    assert await handoff_records.touched(connection, first) == {f"east:a{n}" for n in range(5)}
    await handoff_records.advance(connection, first)
    last = await handoff_records.page_end(connection, 5)
    assert last == await connection.fetchval("select max(seq) from change")
    await handoff_records.advance(connection, last)
    assert await handoff_records.page_end(connection, 5) is None


async def test_a_receiver_that_was_heard_touches_what_it_was_asked_for(
    database: str, connection: asyncpg.Connection
) -> None:
    await opened(connection)
    log = Partition()
    # Within one organisation, so that the receiver stands on the pathway without a link.
    await log.apply(connection, offered("east", "o1", 1, "east", "east:1"), offered("east", "o2", 2, "west", "east:2"))
    await bound(database)
    await log.apply(connection, step("east", "s1", 1, 9), step("east", "s2", 2, 9), step("west", "s3", 2, 9))
    end = await handoff_records.page_end(connection, 9)
    assert end is not None
    assert await handoff_records.touched(connection, end) == {"east:1"}
