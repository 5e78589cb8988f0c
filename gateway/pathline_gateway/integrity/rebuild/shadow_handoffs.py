"""Hand-offs as they are built again, beside those that are live."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import asyncpg

from pathline_gateway.handoffs import repository as handoff_repository
from pathline_gateway.handoffs.projection_row import HandoffRow

_BATCH_SIZE = 500
# Whatever names a hand-off, as it was sent or as it was corrected.
_ALL_HANDOFF_IDS = """
select handoff from interaction where handoff is not null
union
select handoff from handoff_input where handoff is not null
"""
_DIFFERING = """
select coalesce(l.handoff, b.handoff) as handoff, coalesce(l.offer_ref, b.offer_ref) as ref
from handoff l full join rebuilding.handoff b on b.handoff = l.handoff
where l is distinct from b and coalesce(l.handoff, b.handoff) <> all($1::text[])
"""
_COUNT = "select count(*) from rebuilding.handoff"
_LAST_SEQ = "select coalesce(max(seq), 0) from change_log"
_DELETE_ALL = "delete from handoff"
_COPY_FROM_SHADOW = "insert into handoff select * from rebuilding.handoff"
# What their sides may know of them is told anew from what is there then.
_QUEUE_SIDE_RECOMPUTATION = "insert into handoff_side_pending select handoff from handoff on conflict do nothing"
_REWIND_CHECKPOINT = "update handoff_progress set change_seq = least(change_seq, $1)"
_COMPARABLE_SEQ = "select least((select change_seq from handoff_progress), $1)"


async def handoff_ids(connection: asyncpg.Connection) -> AsyncIterator[list[str]]:
    """Every hand-off that anything names, some at a time."""
    cursor = await connection.cursor(_ALL_HANDOFF_IDS)
    while rows := await cursor.fetch(_BATCH_SIZE):
        yield [row["handoff"] for row in rows]


async def insert_rows(connection: asyncpg.Connection, records: Sequence[HandoffRow]) -> None:
    """These stand beside the live ones."""
    await connection.copy_records_to_table(
        "handoff", records=records, columns=HandoffRow._fields, schema_name="rebuilding"
    )


async def last_change_seq(connection: asyncpg.Connection) -> int:
    """The last change."""
    return int(await connection.fetchval(_LAST_SEQ))


async def find_differing(connection: asyncpg.Connection, built_seq: int) -> tuple[int, list[asyncpg.Record]]:
    """How many were compared, and those that differ though nothing came that either has not seen."""
    since_seq = await connection.fetchval(_COMPARABLE_SEQ, built_seq)
    pending = await handoff_repository.affected_handoffs(connection, await last_change_seq(connection), since_seq)
    rows = list(await connection.fetch(_DIFFERING, list(pending)))
    return int(await connection.fetchval(_COUNT)), rows


async def switch_over(connection: asyncpg.Connection, built_seq: int) -> None:
    """The live ones are what was built; what came since is looked at again."""
    await handoff_repository.lock(connection)
    await connection.execute(_QUEUE_SIDE_RECOMPUTATION)
    await connection.execute(_DELETE_ALL)
    await connection.execute(_COPY_FROM_SHADOW)
    await connection.execute(_QUEUE_SIDE_RECOMPUTATION)
    await connection.execute(_REWIND_CHECKPOINT, built_seq)
