"""What Postgres knows of all interactions together, for its plans.

Autovacuum counts each month, and never the table that they are months of (PostgreSQL, "Routine Vacuuming", 24.1.3).
Postgres plans joins by a hand-off or a batch from the counts of the whole. Without them it expects two hundred
different values, each with very many rows. Then it may read the whole table where it should look up a few rows.
"""

from __future__ import annotations

import asyncpg

_MIN_ROWS = 10_000
"""Rows below which any plan is quick."""
_HAS_DOUBLED = """
select sum(greatest(c.reltuples, 0)) >= greatest($1, 2 * whole.reltuples)
from pg_class whole
join pg_inherits i on i.inhparent = whole.oid
join pg_class c on c.oid = i.inhrelid
where whole.oid = 'interaction'::regclass
group by whole.reltuples
"""
_JOINED_COLUMNS = "handoff, batch, ref, time, source, id, type"
_ANALYZE_ONLY_MIN_VERSION = 18
"""The version of Postgres from which on the whole is counted without each month anew."""


async def analyze_if_grown(connection: asyncpg.Connection, min_rows: int = _MIN_ROWS) -> bool:
    """Whether there are twice as many interactions as when they were counted last, and they are counted now."""
    if not await connection.fetchval(_HAS_DOUBLED, float(min_rows)):
        return False
    only = "only " if connection.get_server_version().major >= _ANALYZE_ONLY_MIN_VERSION else ""
    await connection.execute(f"analyze {only}interaction ({_JOINED_COLUMNS})")
    return True
