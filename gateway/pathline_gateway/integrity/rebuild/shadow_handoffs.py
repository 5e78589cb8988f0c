"""Hand-offs as they are built again, beside those that are live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import asyncpg

from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.projection_row import HandoffRow

_PAGE = 500
# Whatever names a hand-off, as it was sent or as it was corrected.
_NAMED = """
select handoff from interaction where handoff is not null
union
select handoff from handoff_input where handoff is not null
"""
_DIFFERING = """
select coalesce(l.handoff, b.handoff) as handoff, coalesce(l.ref, b.ref) as ref
from handoff l full join rebuilding.handoff b on b.handoff = l.handoff
where l is distinct from b and coalesce(l.handoff, b.handoff) <> all($1::text[])
"""
_COUNT = "select count(*) from rebuilding.handoff"
_SEQ = "select coalesce(max(seq), 0) from change"
_EMPTY = "delete from handoff"
_FILL = "insert into handoff select * from rebuilding.handoff"
# What their sides may know of them is told anew from what is there then.
_JUDGE = "insert into handoff_to_judge select handoff from handoff on conflict do nothing"
_PROGRESS = "update handoff_progress set seq = least(seq, $1)"
_BEHIND = "select least((select seq from handoff_progress), $1)"


async def named(connection: asyncpg.Connection) -> AsyncIterator[list[str]]:
    """Every hand-off that anything names, some at a time."""
    cursor = await connection.cursor(_NAMED)
    while rows := await cursor.fetch(_PAGE):
        yield [row["handoff"] for row in rows]


async def add(connection: asyncpg.Connection, records: Sequence[HandoffRow]) -> None:
    """These stand beside the live ones."""
    await connection.copy_records_to_table(
        "handoff", records=records, columns=HandoffRow._fields, schema_name="rebuilding"
    )


async def now(connection: asyncpg.Connection) -> int:
    """The last change."""
    return int(await connection.fetchval(_SEQ))


async def differing(connection: asyncpg.Connection, built_at: int) -> tuple[int, list[asyncpg.Record]]:
    """How many were compared, and those that differ though nothing came that either has not seen."""
    behind = await connection.fetchval(_BEHIND, built_at)
    unseen = await handoff_repository.touched(connection, await now(connection), behind)
    rows = list(await connection.fetch(_DIFFERING, list(unseen)))
    return int(await connection.fetchval(_COUNT)), rows


async def switch(connection: asyncpg.Connection, built_at: int) -> None:
    """The live ones are what was built; what came since is looked at again."""
    await handoff_repository.lock(connection)
    await connection.execute(_JUDGE)
    await connection.execute(_EMPTY)
    await connection.execute(_FILL)
    await connection.execute(_JUDGE)
    await connection.execute(_PROGRESS, built_at)
