"""What is looked at for hand-offs: it grows with a page of entries or with what is late, not with what is stored."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from pathline_gateway.handoffs import overview_repository
from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.overview_repository import OverviewScope
from pathline_gateway.handoffs.projection import project_next_batch
from support.intake.history import START, Partition, bind_all_evidence, offered, open_log, step

_PEOPLE = 1_000
_ROWS_AN_ENTRY = 40
_STORED = 15_000
_BATCH = 500
_FEW = 50


def rows(plan: dict[str, Any]) -> float:
    """How many rows all of this plan looked at, those among them that were not what it looked for."""
    here = sum(float(plan.get(name, 0)) for name in ("Actual Rows", *(n for n in plan if n.startswith("Rows Removed"))))
    return here * float(plan["Actual Loops"]) + sum(map(rows, plan.get("Plans", ())))


async def cost(connection: asyncpg.Connection, statement: str, *asked: object) -> float:
    """How many rows this looks at."""
    return rows(json.loads(await connection.fetchval(f"explain (analyze, format json) {statement}", *asked))[0]["Plan"])


async def looked_at(connection: asyncpg.Connection, planned: str, end: int, since: int) -> float:
    """How many rows it takes to tell what these entries touch, planned so."""
    await connection.execute(f"set plan_cache_mode = {planned}")
    return await cost(connection, handoff_repository._AFFECTED_HANDOFFS, end, since)


async def kept(database: str, connection: asyncpg.Connection) -> None:
    """Hand-offs as they stand, and Postgres has counted everything."""
    async with asyncpg.create_pool(database, min_size=1, max_size=1) as pool:
        while await project_next_batch(pool):
            pass
    await connection.execute("analyze")


async def test_a_page_costs_a_few_rows_an_entry_also_where_nothing_was_counted_yet(
    connection: asyncpg.Connection,
) -> None:
    await open_log(connection)
    steps = [step("east", f"s{n}", n) for n in range(_PEOPLE)]
    offers = [offered("east", f"o{n}", n, "west", f"east:{n}") for n in range(0, _PEOPLE, 10)]
    await Partition().apply(connection, *steps, *offers)
    end = await handoff_repository.batch_end(connection, 2 * _PEOPLE)
    assert end is not None
    assert await handoff_repository.affected_handoffs(connection, end) == {f"east:{n}" for n in range(0, _PEOPLE, 10)}
    assert await looked_at(connection, "force_generic_plan", end, 0) < _ROWS_AN_ENTRY * _PEOPLE


async def test_a_page_costs_no_more_where_much_is_stored(database: str, connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    for batch in range(0, _STORED, _BATCH):
        offers = (offered("east", f"o{n}", n % _PEOPLE, "west", f"east:{n}") for n in range(batch, batch + _BATCH))
        await log.apply(connection, *offers)
    await kept(database, connection)
    since = await connection.fetchval("select change_seq from handoff_progress")
    # What an organisation does that receives nothing, and one that is asked, and another offer.
    steps = [step("east", f"s{n}", n, 9) for n in range(_FEW)]
    await log.apply(connection, *steps, step("west", "s", 1, 9), offered("east", "o", 1, "west", "east:last", 9))
    end = await handoff_repository.batch_end(connection, _STORED)
    assert end is not None
    assert await handoff_repository.affected_handoffs(connection, end) == {"east:last"}
    for planned in ("force_custom_plan", "force_generic_plan"):
        assert await looked_at(connection, planned, end, since) < _ROWS_AN_ENTRY * _FEW


async def test_who_is_silent_is_told_without_a_look_at_everybody(database: str, connection: asyncpg.Connection) -> None:
    await open_log(connection)
    offers = [offered("east", f"o{n}", n, "west", f"east:{n}") for n in range(_PEOPLE)]
    late = offered("east", "late", 1, "west", "east:late", due=START + timedelta(days=1))
    await Partition().apply(connection, *offers, late, step("west", "w", _PEOPLE))
    await kept(database, connection)
    now = datetime.now(UTC)
    n, silent = await overview_repository.list_latest_silent(connection, OverviewScope(now, now), 9)
    assert (n, [each.handoff for each in silent]) == ((1, 1), ["east:late"])
    of_silent = overview_repository._SILENT_HANDOFFS + overview_repository._COUNT_SILENT
    assert await cost(connection, of_silent, now, now, []) < _FEW
    assert await cost(connection, overview_repository._MAYBE_CONCEALED_SILENT, now) < _FEW


async def test_a_page_ends_where_a_batch_ends(connection: asyncpg.Connection) -> None:
    await open_log(connection)
    log = Partition()
    await log.apply(connection, *(offered("east", f"a{n}", n, "west", f"east:a{n}") for n in range(5)))
    await log.apply(connection, *(offered("east", f"b{n}", n, "west", f"east:b{n}") for n in range(5)))
    first = await handoff_repository.batch_end(connection, 3)
    assert first == await connection.fetchval(
        "select max(seq) from change_log where batch = (select min(batch) from change_log)"
    )
    assert first is not None
    assert await handoff_repository.affected_handoffs(connection, first) == {f"east:a{n}" for n in range(5)}
    await handoff_repository.advance_checkpoint(connection, first)
    last = await handoff_repository.batch_end(connection, 5)
    assert last == await connection.fetchval("select max(seq) from change_log")
    assert last is not None
    await handoff_repository.advance_checkpoint(connection, last)
    assert await handoff_repository.batch_end(connection, 5) is None


async def test_a_receiver_that_was_heard_touches_what_it_was_asked_for(
    database: str, connection: asyncpg.Connection
) -> None:
    await open_log(connection)
    log = Partition()
    # Within one organisation, so that the receiver stands on the pathway without a link.
    await log.apply(connection, offered("east", "o1", 1, "east", "east:1"), offered("east", "o2", 2, "west", "east:2"))
    await bind_all_evidence(database)
    await log.apply(connection, step("east", "s1", 1, 9), step("east", "s2", 2, 9), step("west", "s3", 2, 9))
    end = await handoff_repository.batch_end(connection, 9)
    assert end is not None
    assert await handoff_repository.affected_handoffs(connection, end) == {"east:1"}
